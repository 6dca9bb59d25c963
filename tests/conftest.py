"""Fixtures that several folders share: a tiny random base with adapters, and a home of its own for every test."""

import signal
from pathlib import Path

import pytest

from venire.engine.bases import Base, home, resolve_base

from .tiny import tiny_llama

# A shell that starts the tests in its background has interrupts ignored, and so would every command that they stop.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a test registers stays its own; the fetched models are shared."""
    models = home() / "models"
    models.mkdir(parents=True, exist_ok=True)
    mine = tmp_path / "venire-home"
    mine.mkdir()
    (mine / "models").symlink_to(models, target_is_directory=True)
    monkeypatch.setenv("VENIRE_HOME", str(mine))
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(mine / "inspect-cache"))
    return mine


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A tiny Llama with the embedded model's tokenizer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(resolve_base("smollm2-135m").path))
    return tiny_llama(tmp_path_factory.mktemp("tiny") / "tiny-base", tokenizer, initializer_range=0.4)


@pytest.fixture(scope="session")
def tiny_adapters(tiny_base: Base, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty random adapters of that base, strong enough that each changes the answers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    made = []
    for i in range(20):
        torch.manual_seed(100 + i)
        config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(str(tiny_base.path)), config)
        folder = tmp_path_factory.mktemp("adapters") / f"step-{i}"
        model.save_pretrained(str(folder))
        made.append(folder)
    return made

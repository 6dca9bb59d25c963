"""Fixtures of the judges' tests: pairs, and mock judges that answer what a test makes them."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput

from venire.judges.pairs import Pair, make_pairs

from .helpers import CANDIDATE, INCUMBENT, answers_frame, prefers_bread, say
from .staging import Stage, sensible
from .vendors.server import Vendors

Reply = Callable[[str], ModelOutput | str]


@pytest.fixture
def pairs() -> list[Pair]:
    """Four pairs; the candidate's answers bring bread."""
    return make_pairs(answers_frame(), [CANDIDATE], INCUMBENT, seed=7)


@pytest.fixture
def mock_judges(monkeypatch: pytest.MonkeyPatch) -> Callable[[Reply], list[str]]:
    """Make every mockllm judge answer with `reply(prompt)`. Gives the list of the prompts that were really asked."""
    from inspect_ai.model._providers.mockllm import MockLLM

    def install(reply: Reply) -> list[str]:
        asked: list[str] = []

        async def generate(
            self: MockLLM, input: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig
        ) -> ModelOutput:
            asked.append(input[-1].text)
            given = reply(input[-1].text)
            return say(given) if isinstance(given, str) else given

        monkeypatch.setattr(MockLLM, "generate", generate)
        return asked

    return install


@pytest.fixture(scope="session")
def loopback() -> Iterator[Vendors]:
    """One server for the whole session: Inspect keeps a model's client, and with it the address that it first had."""
    with Vendors(prefers_bread) as server:
        yield server


@pytest.fixture
def vendors(loopback: Vendors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Vendors:
    """The vendors on loopback, starting anew, with Inspect's providers sent there and a cache of the test's own."""
    loopback.begin(prefers_bread)
    for name, value in loopback.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "inspect-cache"))
    return loopback


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """Makes an experiment whose answers are made up."""
    return lambda **options: Stage(tmp_path, monkeypatch, **options)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counter[str]]:
    """Mock judges that answer by their name; gives how often each was really asked."""
    from inspect_ai.model._providers.mockllm import MockLLM

    def install(**replies: Callable[[str], Any]) -> Counter[str]:
        asked: Counter[str] = Counter()

        async def generate(self: MockLLM, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:
            asked[self.model_name] += 1
            given = replies.get(self.model_name, sensible)(input[-1].text)
            return say(given) if isinstance(given, str) else given

        monkeypatch.setattr(MockLLM, "generate", generate)
        return asked

    return install

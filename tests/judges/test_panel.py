"""Panels from what a person writes, families, and who may not judge whom."""

from types import SimpleNamespace

import pytest

from venire._common.errors import InputError
from venire._common.providers import COMPATIBLE, HOSTS, LOCAL
from venire.datasets.teachers import family_of_teacher
from venire.judges.panel import Judge, count_calls, judgeship, parse_judge, resolve_panel

from .helpers import mock_panel, origin


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel is settled without loading anything."""
    monkeypatch.setattr("venire.engine.resolve_base", lambda name: SimpleNamespace(identity=f"hub/{name}@rev"))


def settle(**spec) -> Judge:
    return resolve_panel({"judges": [spec]}).judges[0]


def test_the_local_preset_is_three_judges_of_different_means() -> None:
    judges = resolve_panel({"preset": "local"}).judges
    assert [judge.kind for judge in judges] == ["embedding", "likelihood", "choice"]
    assert [judge.name for judge in judges] == [
        "embedding:all-minilm",
        "likelihood:smollm2-135m",
        "venire/smollm2-135m",
    ]
    assert [judge.family for judge in judges] == ["embedding", "likelihood", "smollm2"]
    assert judges[2].weights == "hub/smollm2-135m@rev"
    assert not any(judge.is_api for judge in judges)


def test_every_default_is_written_out() -> None:
    judge = settle(model="anthropic/claude-x", rubric="brie5")
    assert (judge.name, judge.kind, judge.family) == ("anthropic/claude-x", "model", "anthropic")
    assert judge.rubric == "brie5" and judge.rubric_sha256 and judge.weights is None
    assert settle(embedding="all-minilm").margin == 0.02
    assert settle(model="venire/smollm2-135m").rubric == "letter"
    assert settle(model="venire/smollm2-135m", read="text").kind == "model"
    assert resolve_panel({"judges": ["openai/gpt-x"]}).judges[0].rubric == "plain"


def test_folders_are_safe_names() -> None:
    assert settle(model="openai/gpt-4o@2024").slug == "openai-gpt-4o-2024"
    assert settle(embedding="all-minilm").slug == "embedding-all-minilm"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({}, "name a preset"),
        ({"preset": "vip"}, "presets are"),
        ({"preset": "../x"}, "does not exist"),
        ({"judge": []}, "panel.judge"),
        ({"judges": [{"model": "a/b", "embedding": "c"}]}, "exactly one of"),
        ({"judges": [{}]}, "exactly one of"),
        ({"judges": [{"model": "gpt"}]}, "provider/model"),
        ({"judges": [{"model": "openai/x", "margin": 0.1}]}, "margin is for judges that measure"),
        ({"judges": [{"model": "openai/x", "read": "tokens"}]}, "venire/… models"),
        ({"judges": [{"embedding": "x", "rubric": "plain"}]}, "takes no rubric"),
        ({"judges": [{"model": "openai/x", "rubric": "fancy"}]}, "rubric 'fancy' does not exist"),
        ({"judges": [{"model": "venire/x", "rubric": "brie5"}]}, "one letter cannot score"),
        ({"judges": ["openai/x", {"model": "openai/x", "rubric": "brie5"}]}, "named twice"),
    ],
)
def test_a_wrong_panel_is_one_clear_sentence(spec: dict, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        resolve_panel(spec)


@pytest.mark.parametrize(
    ("judge", "candidate", "incumbent", "standing"),
    [
        ({"model": "anthropic/x"}, origin("c"), origin("i"), "counted"),
        ({"model": "venire/smollm2-135m"}, origin("c"), origin("i"), "shared"),
        ({"model": "venire/smollm2-135m"}, origin("c"), origin("i", family="qwen2.5"), "conflict"),
        ({"model": "venire/smollm2-135m"}, origin("c", family="qwen2.5"), origin("i"), "conflict"),
        ({"model": "vllm/org/Qwen3-8B"}, origin("c", family="qwen2.5"), origin("i"), "conflict"),
        ({"model": "google/gemini-x"}, origin("c", family="gemma"), origin("i"), "conflict"),
        ({"model": "google/gemini-x"}, origin("c", teachers=("gemini",)), origin("i"), "conflict"),
        ({"model": "openai/gpt-x"}, origin("c", teachers=("gemini",)), origin("i"), "counted"),
        ({"model": "anthropic/x"}, origin("c"), origin("i", teachers=("claude",)), "conflict"),
        ({"model": "venire/smollm2-135m"}, origin("c", teachers=("smollm2",)), origin("i"), "conflict"),
        ({"model": "openai-api/mine/judge-1"}, origin("c", teachers=("gpt",)), origin("i"), "counted"),
        ({"model": "openai-api/mine/gpt-x"}, origin("c", teachers=("openai",)), origin("i"), "conflict"),
        ({"model": "openai-api/mine/Qwen3-8B"}, origin("c", family="qwen2.5"), origin("i"), "conflict"),
        ({"model": "openai-api/mine/x", "family": "qwen"}, origin("c", family="qwen2.5"), origin("i"), "conflict"),
        ({"model": "groq/llama-x"}, origin("c", family="meta"), origin("i"), "conflict"),
        ({"likelihood": "smollm2-135m"}, origin("c"), origin("i"), "shared"),
        ({"likelihood": "smollm2-135m"}, origin("c"), origin("i", family="llama"), "conflict"),
        ({"embedding": "all-minilm"}, origin("c"), origin("i", family="llama"), "counted"),
    ],
)
def test_nobody_judges_its_own(judge: dict, candidate, incumbent, standing: str) -> None:
    found = judgeship(settle(**judge), candidate, incumbent)
    assert found.standing == standing
    assert found.why


OWN = {"anthropic", "deepseek", "google", "grok", "meta", "mistral", "moonshot", "openai", "perplexity"}  # their models
NAMES = ["gpt-4o", "org/Qwen3-8B", "mine/Qwen3-8B", "llama-3-8b", "amazon.nova-pro-v1:0", "judge-1", "01", "sonar"]


def providers() -> set[str]:
    """Every provider of the installed Inspect."""
    from inspect_ai._util.registry import registry_find, registry_info
    from inspect_ai.model._providers import providers as _  # noqa: F401  (each registers itself)

    names = {registry_info(found).name for found in registry_find(lambda info: info.type == "modelapi")}
    return {name.rpartition("/")[2] for name in names}


def stands(teacher: str, judge: str) -> str:
    taught = origin("c", family="mine", teachers=(family_of_teacher(teacher),))
    return judgeship(settle(model=judge, read="text"), taught, origin("i", family="mine")).standing


def test_no_provider_hides_from_a_judge_that_it_wrote_the_data() -> None:
    assert providers() - {"none", "mockllm"} <= OWN | LOCAL | HOSTS | COMPATIBLE, "sort the new one in providers.py"
    for provider in providers() | LOCAL | HOSTS | COMPATIBLE:
        for name in NAMES:
            model = f"{provider}/{name}"
            assert stands(model, model) == "conflict", model


@pytest.mark.parametrize(
    ("teacher", "judge"),
    [
        ("perplexity/sonar", "openrouter/perplexity/sonar-pro"),
        ("bedrock/amazon.nova-pro-v1:0", "openrouter/amazon/nova-lite-v1"),
        ("openrouter/moonshotai/kimi-k2", "moonshot/kimi-k2"),
        ("litellm-proxy/gpt-4o", "openai/gpt-4o"),
        ("transformer_lens/gpt2", "nnterp/openai-community/gpt2"),
    ],
)
def test_a_model_is_its_makers_whoever_serves_it(teacher: str, judge: str) -> None:
    assert stands(teacher, judge) == stands(judge, teacher) == "conflict"


@pytest.mark.parametrize("provider", sorted(LOCAL))
def test_a_model_on_ones_own_machine_costs_nobody_anything(provider: str) -> None:
    assert not settle(model=f"{provider}/x", read="text" if provider == "venire" else None).is_api


def test_calls_are_counted_in_both_orders_with_the_exam() -> None:
    counts = count_calls(mock_panel("one", "two"), pairs=128)
    assert [(count.calls, count.anchors, count.paid) for count in counts] == [(336, 80, True)] * 2


def test_a_screen_that_takes_turns_asks_each_judge_for_its_share() -> None:
    panel = mock_panel("one", "two", "three")
    assert [count.calls for count in count_calls(panel, 100, 40, screened=30)] == [2 * (100 + 20 + 40)] * 3
    full = panel.model_copy(update={"screen": "full"})
    assert [count.calls for count in count_calls(full, 100, 40, screened=30)] == [2 * (100 + 30 + 40)] * 3


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("openrouter/anthropic/claude-x", "claude"),
        ("openai-api/somewhere/Qwen/Qwen3-8B", "qwen3"),
        ("vllm/org/Qwen3-8B", "qwen3"),
        ("mistral/large", "mistral"),
    ],
)
def test_a_model_that_somebody_else_serves_is_of_its_own_house(name: str, family: str) -> None:
    assert settle(model=name).family == family
    assert settle(model=name, family="other").family == "other"


def test_a_judge_on_the_command_line() -> None:
    assert parse_judge("openai/gpt-x").rubric == "plain"
    assert parse_judge("embedding:all-minilm").kind == "embedding"
    assert parse_judge("{model: openai/gpt-x, rubric: brie5}").rubric == "brie5"
    with pytest.raises(InputError, match="not valid YAML"):
        parse_judge("{model: ")
    with pytest.raises(InputError, match="provider/model"):
        parse_judge("gpt-x")


def test_the_schema_of_experiments_spells_the_panel_out() -> None:
    from venire.experiment import schema

    parts = schema()["$defs"]
    assert set(parts["PanelSpec"]["properties"]) >= {"preset", "judges", "screen", "anchors", "prices"}
    assert "price" in parts["JudgeSpec"]["properties"] and "alpha" in parts["GatePolicy"]["properties"]

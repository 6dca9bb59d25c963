"""After the comparison: one more judge, a second pass, logs made elsewhere; nothing is generated or asked again."""

import json
from pathlib import Path

import polars as pl
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState

from venire._common.errors import InputError, VenireError

from .helpers import INCUMBENT, answer, fenced, prefers_bread, say
from .staging import Stage, mock_judges_of

FIRST_PLACE = '{"winner": "A"}'


def test_a_judge_who_joins_is_asked_alone_and_makes_the_decision_post_hoc(stage, models) -> None:
    models()
    it = stage(prompts=60, gate={"length": False})
    it.judge()
    frozen = it.gate()
    assert frozen["outcome"] == "PROMOTE" and frozen["post_hoc"] is None
    logs = {path: path.read_bytes() for path in it.run.folder.glob("logs/judge/*/*.eval")}
    before = it.votes()

    asked = models()
    said = it.add("{model: mockllm/three, rubric: plain}")
    # The exam, and the 30 prompts that the panel needed: not the 30 that nobody was asked about.
    assert asked == {"three": 80 + 60}
    assert all(path.read_bytes() == content for path, content in logs.items())
    assert "the next decision is post hoc" in said
    assert it.votes().filter(pl.col("judge") != "mockllm/three").equals(before)
    judges = json.loads((it.run.folder / "ledger.json").read_text())["judges"]
    assert [name for name, row in judges.items() if row["added"]] == ["mockllm/three"]

    decision = it.gate()
    assert decision["outcome"] == "HOLD"
    assert decision["post_hoc"] == {
        "changed": ["panel (judges added afterwards: mockllm/three)"],
        "reason": None,
    }
    assert decision["counted"] == ["mockllm/one", "mockllm/three", "mockllm/two"]
    kept = json.loads((it.run.folder / "decision.frozen.json").read_text())
    assert kept["outcome"] == "PROMOTE"
    assert it.gate("a reader asked for a third opinion")["outcome"] == "PROMOTE"
    assert json.loads((it.run.folder / "decision.frozen.json").read_text()) == kept


def test_the_frozen_panel_goes_on_without_asking_the_one_who_joined(stage, models) -> None:
    models()
    it = stage()
    it.judge()
    it.add("mockllm/three")
    asked = models()
    it.judge()
    assert asked == {}


def test_one_who_joins_and_fails_the_exam_is_not_paid_for_more(stage, models) -> None:
    asked = models(three=lambda prompt: FIRST_PLACE)
    it = stage()
    it.judge()
    assert "failed: not asked further" in it.add("mockllm/three")
    assert asked["three"] == 80
    assert it.gate()["counted"] == ["mockllm/one", "mockllm/two"]


def test_who_cannot_join(stage, models) -> None:
    models()
    it = stage()
    with pytest.raises(VenireError, match="no judged comparison yet"):
        it.add("mockllm/three")
    it.judge()
    with pytest.raises(InputError, match="'mockllm/one' is on the panel already"):
        it.add("mockllm/one")
    with pytest.raises(InputError, match="write provider/model"):
        it.add("gpt-4")
    with pytest.raises(InputError, match="colour"):
        it.add("{model: mockllm/x, colour: red}")
    it.change(panel={"judges": mock_judges_of("one", "two", "three")})
    with pytest.raises(VenireError, match=r"venire judge .* --add JUDGE"):
        it.judge()


def test_a_second_pass_decides_nothing_and_shows_how_steady_a_judge_is(stage, models) -> None:
    models()
    it = stage()
    it.judge()
    before = it.gate()
    fickle = iter(["A", "B", "tie"] * 40)
    asked = models(one=lambda prompt: f'{{"winner": "{next(fickle)}"}}')
    said = it.retest("mockllm/one")
    assert asked == {"one": 32}
    assert "mockllm/one against itself: the same verdict" in said and "of 32 times on 16 prompts" in said
    after = it.gate()
    same = ("outcome", "win_rate", "components", "counted", "post_hoc")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    retest = json.loads((it.run.folder / "ledger.json").read_text())["judges"]["mockllm/one"]["retest"]
    assert 0 < retest["low"] < retest["share"] < retest["high"] < 1
    with pytest.raises(InputError, match="'mockllm/nine' is not on the panel"):
        it.retest("mockllm/nine")


# Logs made elsewhere


def test_a_log_of_our_own_sheet_counts_once_it_is_checked(stage, models, tmp_path: Path) -> None:
    """What `inspect eval venire/pairwise -T sheet=…` writes."""
    from venire.judges.tasks import pairwise

    models()
    it = stage(budget={"calls": 80})
    it.judge()  # the first judge has sat its exam, and there the budget ended
    sheet = it.run.folder / "sheets" / "mockllm-two.jsonl"
    assert not sheet.exists() or sheet.is_file()
    it.change(budget={})
    asked = models()
    it.judge()
    sheet_log = next((it.run.folder / "logs/judge/mockllm-two").glob("*.eval"))
    for path in (it.run.folder / "logs/judge/mockllm-two").glob("*.eval"):
        path.unlink()
    log = eval(pairwise(sheet=str(sheet)), model="mockllm/two", log_dir=str(tmp_path / "theirs"), display="none")[0]
    assert sheet_log.name != Path(log.location).name
    asked.clear()
    said = it.logs(Path(log.location), Path(log.location))
    assert "checked against the manifest; mockllm/two has 112 votes now" in said
    assert "is in the run already" in it.logs(Path(log.location), Path(log.location))
    it.judge()
    assert asked == {}
    assert it.gate()["counted"] == ["mockllm/one", "mockllm/two"]


def test_a_sheet_log_that_was_tampered_with_is_refused_and_not_kept(stage, models, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log, write_eval_log

    models()
    it = stage()
    it.judge()
    source = next((it.run.folder / "logs/judge/mockllm-two").glob("*.eval"))
    log = read_eval_log(str(source))
    assert log.samples and log.samples[0].scores
    score = log.samples[0].scores["verdict"]
    score.answer = "B" if score.answer == "A" else "A"
    theirs = tmp_path / "theirs.eval"
    write_eval_log(log, str(theirs))
    before = sorted(it.run.folder.glob("logs/judge/*/*.eval"))
    with pytest.raises(VenireError, match="the raw text says"):
        it.logs(theirs, theirs)
    assert sorted(it.run.folder.glob("logs/judge/*/*.eval")) == before


@scorer(metrics=[mean()])
def picked() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=1.0, answer=state.output.completion[-1:])

    return score


def foreign_log(folder: Path, stage: Stage, **labels: str) -> Path:
    """Somebody's pairwise judging: candidate as A first, then as B; they prefer the candidate."""
    samples = [
        Sample(
            id=f"s{i}-{order}",
            input=f"Which is better? case {i}",
            target="A" if order == "ab" else "B",
            metadata=labels
            or {
                "label_mapping": f"A={stage.names[0]};B={INCUMBENT}"
                if order == "ab"
                else f"A={INCUMBENT};B={stage.names[0]}",
            },
        )
        for i in range(4)
        for order in ("ab", "ba")
    ]
    outputs = [say(f"I choose {'A' if order == 'ab' else 'B'}") for _ in range(4) for order in ("ab", "ba")]
    task = Task(dataset=MemoryDataset(samples), scorer=picked(), name="their_judging")
    model = get_model("mockllm/stranger", custom_outputs=outputs)
    log = eval(task, model=model, log_dir=str(folder), display="none", max_samples=1)[0]
    return Path(log.location)


def test_somebody_elses_judge_log_is_shown_and_not_counted(stage, models, tmp_path: Path, monkeypatch) -> None:
    models()
    it = stage()
    it.judge()
    before = it.gate()
    monkeypatch.undo()  # their judge is a model of its own
    monkeypatch.chdir(tmp_path)
    log = foreign_log(tmp_path / "theirs", it)
    said = it.logs(log, log)
    assert "8 votes imported; shown, not counted" in said
    theirs = it.votes().filter(pl.col("judge") == "imported:mockllm/stranger")
    assert theirs["verdict"].to_list() == ["candidate"] * 8
    assert set(theirs["use"]) == {"display"}
    assert sorted(theirs["candidate_first"]) == [False] * 4 + [True] * 4
    assert set(theirs["prompt_id"]) == {f"value_alignment/s{i}" for i in range(4)}
    record = json.loads((it.run.folder / "ledger.json").read_text())
    source = next(source for source in record["sources"] if source["judge"] == "imported")
    assert source["samples"] == 8 and (it.run.folder / source["path"]).is_file()
    assert before["counted"] == ["mockllm/one", "mockllm/two"]


def test_a_judge_log_whose_labels_mean_nobody_here(stage, models, tmp_path: Path, monkeypatch) -> None:
    models()
    it = stage()
    it.judge()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    log = foreign_log(tmp_path / "theirs", it, model_a="gpt-x", model_b=INCUMBENT)
    with pytest.raises(InputError, match=r"labels stand for 'gpt-x' and .*one must be the incumbent"):
        it.logs(log, log)
    assert not (it.run.folder / "imported").exists()


def answers_log(folder: Path, name: str, contender: str, n: int = 30, prompt: str = "What of case {i}?") -> Path:
    samples = [Sample(id=f"q{i}", input=prompt.format(i=i)) for i in range(n)]
    outputs = [say(f"{answer(contender, i)} And so on, as one does in a case of this kind.") for i in range(n)]
    model = get_model(f"mockllm/{name}", custom_outputs=outputs)
    task = Task(dataset=MemoryDataset(samples), name="anybodys_task")
    log = eval(task, model=model, log_dir=str(folder), display="none", max_samples=1)[0]
    target = folder / f"{name}.eval"
    Path(log.location).rename(target)
    return target


@pytest.fixture
def their_answers(tmp_path: Path) -> tuple[Path, Path]:
    return answers_log(tmp_path / "a", "breads", "theirs"), answers_log(tmp_path / "b", "plains", INCUMBENT)


def test_answers_of_anybodys_task_are_judged_by_the_panel(their_answers, stage, models) -> None:
    asked = models(one=whole_sentences, two=whole_sentences)
    it = stage()
    said = it.logs(*their_answers)
    assert "mockllm/breads/plain (candidate) against mockllm/plains/plain on 30 prompts" in said
    assert asked == {"one": 80 + 60, "two": 80 + 60}
    assert "win rate 1.000" in said and "decide with: venire gate --votes" in said
    folder = next(it.run.folder.glob("elsewhere/*/*/votes.parquet")).parent
    votes = pl.read_parquet(folder / "votes.parquet")
    assert set(votes.filter(pl.col("use") == "gate")["verdict"]) == {"candidate"}
    assert (folder / "analysis.json").is_file() and (folder / "manifest.json").is_file()
    asked.clear()
    it.logs(*their_answers)
    assert asked == {}


def whole_sentences(prompt: str) -> str:
    """Passes an exam of degraded incumbent's answers, and prefers bread."""
    blocks = fenced(prompt)
    endings = [label for label in ("A", "B") if blocks[f"Answer {label}"].endswith("in a case of this kind.")]
    starts = [label for label in endings if blocks[f"Answer {label}"].startswith(("It depends", "I would"))]
    case = blocks["Question"].split("case ")[1].split("?")[0]
    fitting = [label for label in starts if f"number {case}" in blocks[f"Answer {label}"]]
    return f'{{"winner": "{fitting[0]}"}}' if len(fitting) == 1 else prefers_bread(prompt)


def test_judges_that_need_the_persons_answer_are_left_out(their_answers, stage, models) -> None:
    models(one=whole_sentences)
    panel = {"judges": [*mock_judges_of("one"), {"embedding": "all-minilm"}]}
    said = stage(panel=panel).logs(*their_answers)
    assert "embedding:all-minilm: left out, it compares with the person's own answers" in said


def test_what_does_not_go_together(their_answers, stage, models, tmp_path: Path) -> None:
    a, b = their_answers
    few = answers_log(tmp_path / "c", "few", INCUMBENT, n=10)
    other = answers_log(tmp_path / "d", "other", INCUMBENT, prompt="What of case {i}, then?")
    (tmp_path / "text.eval").write_text("no zip")
    asked = models()
    it = stage()
    with pytest.raises(InputError, match=r"an \.eval log, or a folder of such, is wanted"):
        it.logs(a, tmp_path / "nowhere.eval")
    with pytest.raises(InputError, match="is no Inspect log"):
        it.logs(a, tmp_path / "text.eval")
    with pytest.raises(InputError, match="has no answer to 20 prompts"):
        it.logs(a, few)
    with pytest.raises(InputError, match="different questions under the id"):
        it.logs(b, other)
    assert asked == {}

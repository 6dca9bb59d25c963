"""The whole flow on a tiny model: it decides, it can be killed anywhere, and ends with the same votes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from venire import flow_commands
from venire.cli import cli
from venire.engine import Base
from venire.stages import flow, plan

RECIPE = {
    "method": "sft",
    "data": "datasets/quickstart/sft.jsonl",
    "lora": {"r": 4, "alpha": 8, "targets": "all-linear"},
    "learning_rate": 1.0e-3,
    "epochs": 0.5,
    "batch": 8,
    "checkpoint_every": 3,
    "max_length": 256,
}


def experiment(folder: Path, base: Base) -> Path:
    """A small experiment in `folder`: one recipe, two candidates, every suite, the three kinds of local judge."""
    (folder / "tiny_sft.yaml").write_text(yaml.safe_dump(RECIPE))
    name = str(base.path)
    data = {
        "name": "tiny",
        "seed": 7,
        "bases": [name],
        "incumbent": f"{name}/plain",
        "candidates": [{"recipe": "tiny_sft.yaml"}],
        "suites": [
            {"task": "venire/value_alignment", "limit": 16, "judge": True},
            {"task": "venire/forgetting", "limit": 20, "non_inferiority": {"delta": 0.1}},
            {
                "task": "venire/epistemic_stance",
                "limit": 8,
                "thresholds": {"ai_disclaimer": {"at_most": 0.5, "mode": "point"}},
            },
            {"task": "venire/phrasing_robustness", "limit": 8},
        ],
        "generation": {"max_tokens": 12, "temperature": 0},
        "panel": {"judges": [{"embedding": "all-minilm"}, {"likelihood": name}, {"model": f"venire/{name}"}]},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "venire.cli", *words]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, check=False, timeout=600)


def votes(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "runs" / "tiny" / "votes.parquet")
    keep = ["prompt_id", "candidate", "incumbent", "judge", "candidate_first", "verdict", "reason", "use", "sample_id"]
    return frame.select(keep).sort([*keep[:5], "sample_id"])


@pytest.fixture(scope="module")
def unbroken(tiny_base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    done = run(folder, "run", str(experiment(folder, tiny_base)))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_the_device_of_a_run_is_the_one_it_trains_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VENIRE_DEVICE", "auto")  # put back afterwards
    asking = SimpleNamespace(budget=None, suites=[SimpleNamespace(judge=True, task="t")], model_fields_set=set())
    the_run = SimpleNamespace(path="x.yaml", folder=tmp_path, stage=lambda _: nullcontext(), experiment=asking)
    asked: dict[str, tuple[Any, ...]] = {}
    for stage in ("evaluate", "train", "judge", "gate", "report"):
        monkeypatch.setattr(flow, stage, lambda run, say, *rest, _at=stage, **_: asked.update({_at: rest}))
    monkeypatch.setattr(plan, "check_panel", lambda run: None)
    monkeypatch.setattr(plan, "freeze", lambda run: {})
    monkeypatch.setattr(plan, "tell", lambda *_: None)
    monkeypatch.setattr(flow_commands, "_run", lambda path, alone=True: the_run)
    monkeypatch.setattr(flow_commands, "_decided", lambda *_: None)
    done = CliRunner().invoke(cli, ["run", "x.yaml", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert asked["train"] == ("cpu",) and os.environ["VENIRE_DEVICE"] == "cpu"
    monkeypatch.setenv("VENIRE_DEVICE", "auto")
    assert CliRunner().invoke(cli, ["judge", "x.yaml", "--device", "cpu"]).exit_code == 0
    assert os.environ["VENIRE_DEVICE"] == "cpu"


@pytest.mark.model
def test_the_flow_ends_with_a_decision_and_a_report(unbroken: Path) -> None:
    folder = unbroken / "runs" / "tiny"
    decision = json.loads((folder / "decision.json").read_text())
    assert decision["outcome"] in ("PROMOTE", "HOLD", "REFUSE")
    assert decision["incumbent"].endswith("/plain")
    names = {component["name"] for component in decision["components"]}
    assert {"superiority", "agreement", "coverage", "leave_one_judge_out"} <= names
    for file in ("report.html", "report.md", "report.json", "manifest.json", "analysis.json", "contenders.json"):
        assert (folder / file).is_file(), file
    assert len(list((folder / "candidates").glob("*/lineage.json"))) == 2


@pytest.mark.model
def test_a_second_run_repeats_nothing(unbroken: Path) -> None:
    logs = {path: path.stat().st_mtime_ns for path in (unbroken / "runs").rglob("*.eval")}
    done = run(unbroken, "run", "tiny.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    assert {path: path.stat().st_mtime_ns for path in (unbroken / "runs").rglob("*.eval")} == logs


@pytest.mark.model
def test_killed_in_every_stage_it_ends_with_the_same_votes(
    unbroken: Path, tiny_base: Base, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    path = experiment(folder, tiny_base)
    home = folder / "runs" / "tiny"
    for sign in ("logs/eval/*.eval", "train/*/metrics.jsonl", "logs/judge/*/*.eval"):
        kill_when(folder, path, home, sign)
    done = run(folder, "run", str(path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert votes(folder).equals(votes(unbroken))
    weights = [sorted((f / "runs/tiny/candidates").glob("*/*.safetensors")) for f in (folder, unbroken)]
    assert [w.read_bytes() for w in weights[0]] == [w.read_bytes() for w in weights[1]]


@pytest.mark.model
def test_a_plan_knows_that_its_prompts_have_decided_already(unbroken: Path) -> None:
    text = (unbroken / "tiny.yaml").read_text()
    (unbroken / "again.yaml").write_text(text.replace("name: tiny", "name: again"))
    done = run(unbroken, "plan", "again.yaml")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "have decided one run already: the decision will be post hoc" in done.stdout


def kill_when(folder: Path, path: Path, home: Path, sign: str) -> None:
    """Start the run and SIGKILL it half a second after the first file of `sign` is there."""
    process = subprocess.Popen(
        command("run", str(path)),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while process.poll() is None and not list(home.glob(sign)):
        assert time.monotonic() < deadline, f"{sign} never came"
        time.sleep(0.05)
    time.sleep(0.5)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


WRONG = {
    "an unknown key": ({"colour": "red"}, "unknown key 'colour'"),
    "an adapter that is missing": ({"candidates": [{"path": "no/such/adapter"}]}, "no such folder"),
    "too few prompts for an exam": (
        {"suites": [{"task": "venire/value_alignment", "limit": 3, "judge": True}]},
        "the exam of 40 anchors (panel.anchors.n) cannot be held on 3 judged prompts",
    ),
    "a suite nobody has": ({"suites": [{"task": "venire/nonsense", "judge": True}]}, "nonsense"),
    "a base that does not exist": (
        {"bases": ["nobody/no-such-model"], "incumbent": "nobody/no-such-model/plain"},
        "nobody/no-such-model",
    ),
    "a row without its answer": ({"candidates": [{"recipe": "bad.yaml"}]}, "row 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_sentence_and_exit_2(case: str, tiny_base: Base, tmp_path: Path) -> None:
    path = experiment(tmp_path, tiny_base)
    change, said = WRONG[case]
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    rows = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}] * 2
    rows[1] = {"messages": [{"role": "user", "content": "Hi"}]}
    text = "".join(json.dumps(r | {"category": "x", "family": "f", "source": "s", "weight": 1}) + "\n" for r in rows)
    (tmp_path / "bad.jsonl").write_text(text)
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(RECIPE | {"data": "bad.jsonl"}))
    done = run(tmp_path, "plan", str(path))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

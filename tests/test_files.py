"""Files of a run are the old content or the new, never half of it."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from venire._common.files import write_json, write_parquet
from venire.stages import gate

WRITE = pl.DataFrame.write_parquet


@pytest.mark.parametrize("torn", ["suites.parquet", "answers.parquet"])
def test_frames_of_a_run_are_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: str) -> None:
    names = ["suites.parquet", "answers.parquet"]
    for name in names:
        write_parquet(tmp_path / "run" / name, pl.DataFrame({"old": [name]}))
    frames = {name: pl.DataFrame({"new": [name]}) for name in names}

    def write(self: pl.DataFrame, file: Any) -> None:
        if not self.equals(frames[torn]):
            return WRITE(self, file)
        if isinstance(file, str | Path):
            Path(file).write_bytes(b"PAR1")
        raise OSError("no space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", write)
    monkeypatch.setattr(gate, "eval_logs", lambda run: [])
    monkeypatch.setattr(gate, "with_contender", lambda frame, contenders: frame)
    monkeypatch.setattr(gate, "answers_of", lambda run, contenders: frames["answers.parquet"])
    monkeypatch.setattr("venire.evals.results.read_results", lambda logs: frames["suites.parquet"])
    run: Any = SimpleNamespace(folder=tmp_path / "run")
    with pytest.raises(OSError, match="no space"):
        gate.write_frames(run, [])
    found = {name: pl.read_parquet(run.folder / name).columns for name in names}
    assert found[torn] == ["old"] and found["answers.parquet"] == ["old"]
    assert sorted(path.name for path in run.folder.iterdir()) == sorted(names)


def test_a_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    mine, new = tmp_path / "answers.json", tmp_path / "new.json"
    mine.write_text("{}")
    mine.chmod(0o600)
    write_json(mine, {"own": "words"})
    before = os.umask(0o027)
    try:
        write_json(new, {})
    finally:
        os.umask(before)
    assert [file.stat().st_mode & 0o777 for file in (mine, new)] == [0o600, 0o640]

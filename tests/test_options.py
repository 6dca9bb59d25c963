"""Options that do not go together are refused with a sentence that names them, and before anything is read or done."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from venire._common.errors import InputError
from venire.cli import cli

SUITE = Path(__file__).parents[1] / "evals" / "style"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("gate no.yaml --policy no.yaml", "--policy: belongs to --votes FILE"),
        ("gate --votes no.csv --post-hoc because", "--post-hoc: belongs to an experiment"),
        (f"data check {SUITE} --against no/such --allow leak", "--against, --allow: not of "),
        (f"data check {SUITE} --no-meaning", "--meaning/--no-meaning: not of "),
        ("data build --schema spec.yaml --out out", "SPEC, --out: not beside --schema"),
        ("data card no.jsonl --force", "--force: nothing is written without --out"),
        (f"data card {SUITE} --licence MIT", "--licence: not of a folder"),
        ("export r.yaml --mlx --dtype nonsense", "--dtype: belongs to merged weights"),
        ("export a --from-mlx --dtype auto", "--dtype: belongs to merged weights"),
        ("export a --adapter --dtype float32", "--dtype: belongs to merged weights"),
        ("export r.yaml --mlx --recipe x", "--recipe: belongs to --from-mlx"),
        ("export a --recipe x", "--recipe: belongs to --from-mlx"),
        ("judge no.yaml --json", "--json: belongs to --retest JUDGE"),
        ("plan no.yaml --schema --json", "EXPERIMENT, --json: not beside --schema"),
        ("train no.yaml --follow --price 2 --quick", "--quick, --price: not beside --follow alone"),
        ("calibrate --schema --summary --again no", "--again, --summary: not beside --schema"),
        ("calibrate me.json --copy-questions mine", "FILE: not beside --copy-questions"),
        ("calibrate no.json --json --skipped", "--skipped: not beside --summary or --json"),
        ("chat --resume no.jsonl --seed 0", "leave these out"),
    ],
)
def test_what_would_not_be_looked_at_is_refused(
    typed: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    result = CliRunner().invoke(cli, typed.split())
    assert isinstance(result.exception, InputError), result.output
    assert said in str(result.exception) and result.exception.exit_code == 2
    assert not list(here.iterdir())

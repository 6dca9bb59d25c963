"""The table of contents of `venire.judges`: every name is there, is listed, and costs nothing before it is used."""

import subprocess
import sys

import venire.judges as judges


def test_every_exported_name_is_there_and_listed() -> None:
    for name in judges.__all__:  # that each has a docstring, tests/test_house.py sees
        assert hasattr(judges, name), name
        assert name in (judges.__doc__ or ""), name


def test_the_statistics_pull_in_nothing_else() -> None:
    code = (
        "import sys, venire.judges.statistics\n"
        "heavy = {'inspect_ai', 'torch', 'transformers', 'venire.judges.panel', 'venire.engine'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

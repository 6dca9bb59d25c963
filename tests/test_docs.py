"""What the pages tell a reader to type can be typed: commands, their options, and the files that they name."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from venire.cli import cli

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bench", "datasets", "docs", "evals", "experiments", "judges", "reports", "training")
STARTS = ("venire ", "python ", "inspect ", "accelerate ")
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
_SPAN = re.compile(r"`([^`]+)`")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def pages() -> list[Path]:
    nested = (page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *nested, *(ROOT / "experiments").rglob("*.yaml")])


def told(page: Path) -> tuple[list[str], list[str]]:
    """(lines to copy, mentions in the text); of a YAML file, those in the comment at its head."""
    text = page.read_text("utf-8")
    if page.suffix == ".yaml":
        head = re.match(r"(?:#.*\n)*", text)
        assert head
        text = "\n".join(re.sub("^# ?", "", line) for line in head[0].splitlines())
        blocks = re.findall(r"^ {2,}(\S.*)$", text, re.M)
    else:
        blocks = re.findall(r"^ {4,}(\S.*)$", text, re.M)
        blocks += [line for block in _BLOCK.findall(text) for line in block.splitlines()]
        text = _BLOCK.sub("", text)
    return list(only_commands(blocks)), list(only_commands(" ".join(span.split()) for span in _SPAN.findall(text)))


def only_commands(lines: "Iterator[str] | list[str]") -> Iterator[str]:
    for line in lines:
        if (line := line.strip().removeprefix(".venv/bin/")).startswith(STARTS):
            yield line


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and what stands behind its name."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found
        command = found
    return command, words


def alternatives(words: list[str]) -> Iterator[list[str]]:
    """`votes import|audit` is two commands."""
    split = next((i for i, word in enumerate(words) if "|" in word), None)
    if split is None:
        yield words
        return
    for word in words[split].split("|"):
        yield from alternatives([*words[:split], word, *words[split + 1 :]])


def options_of(command: click.Command) -> set[str]:
    return {"--help"} | {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


def check_line(line: str) -> None:
    """A line to copy: it is parsed as it stands, and what its comment says of options is true."""
    typed, _, comment = line.partition(" #")
    command, words = command_of(shlex.split(typed)[1:])
    assert not isinstance(command, click.Group), f"{line}: names no command"
    command.make_context(command.name, words)
    check_options(line, command, comment)


def check_options(line: str, command: click.Command, text: str) -> None:
    missing = set(_OPTION.findall(text)) - options_of(command)
    assert not missing, f"{line}: there is no {missing}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_type_can_be_typed(page: Path) -> None:
    lines, mentions = told(page)
    for line in lines:
        if line.startswith("venire "):
            check_line(line)
    for mention in mentions:
        if mention.startswith("venire "):
            for words in alternatives(mention.split()[1:]):
                check_options(mention, command_of(words)[0], " ".join(words))
    for line in (*lines, *mentions):
        for word in line.partition(" #")[0].split():
            if word.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
                assert list(ROOT.glob(word)), f"{line}: there is no {word}"
        if module := re.match(r"python -m (venire\.[\w.]+)", line):
            path = ROOT / module[1].replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), f"{line}: there is no {module[1]}"


def commands(command: click.Command = cli) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found
            yield from commands(found)


def test_the_examples_of_every_help_text_can_be_typed() -> None:
    for command in commands():
        examples = re.findall(r"^\s*(?:Examples?:)?\s*(venire .*)$", command.help or "", re.M)
        assert examples, f"{command.name}: its help shows no example"
        for line in examples:
            check_line(line)


def test_every_option_says_what_it_is() -> None:
    silent = [
        f"{command.name} {option.opts[-1]}"
        for command in commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent


def test_what_a_measurement_does_can_be_read_before_it_begins() -> None:
    for file in sorted((ROOT / "bench").rglob("*.py")):
        code = file.read_text("utf-8")
        assert "__main__" not in code or "ArgumentParser(" in code, f"{file}: --help would begin the measurement"


def test_the_pages_are_read_and_a_wrong_line_is_seen() -> None:
    lines, mentions = told(ROOT / "README.md")
    assert "venire run experiments/quickstart.yaml" in lines and "python bench/judges/wire.py" in mentions
    assert "venire run experiments/quickstart.yaml" in told(ROOT / "experiments" / "quickstart.yaml")[0]
    for wrong in (
        "venire trian x.yaml",
        "venire train x.yaml --detatch",
        "venire train",
        "venire run x.yaml --require no",
    ):
        with pytest.raises(click.UsageError):
            check_line(wrong)
    with pytest.raises(AssertionError, match="--stop"):
        check_line("venire train x.yaml  # --detach, --stop")


def test_what_vendors_do_can_be_looked_up_without_a_key() -> None:
    words = ["--model", "openai/gpt-4o", "--fault", "refusal", "--fault", "no_model"]
    command = [sys.executable, str(ROOT / "bench" / "judges" / "wire.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["none", "candidate", "2"] in rows and ["refusal", "refusal", "2"] in rows
    stopped = rows.index(["no_model", "stops", "4"]) if ["no_model", "stops", "4"] in rows else -1
    assert stopped > 0 and "knows no such model (404)" in " ".join(rows[stopped + 1])

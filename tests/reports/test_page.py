"""The page: well-formed, closed to the network, closed to what models write, and whole when files are not there."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from venire._common.errors import InputError
from venire._common.files import read_json
from venire.reports import build_report
from venire.reports.files import read_run
from venire.reports.model import make_report
from venire.reports.render import prose

RunMaker = Callable[..., Path]
VOID = {"meta", "br", "input", "line", "rect", "circle", "img", "link", "hr"}


class Page(HTMLParser):
    """Tags in order, attributes, text outside scripts; complains where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]} at line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]


def page_of(run: Path) -> Page:
    return Page(build_report(run).read_text("utf-8"))


def test_the_page_is_well_formed_and_every_link_leads_somewhere(make_run: RunMaker) -> None:
    page = page_of(make_run())
    ids = page.values("id")
    assert not [name for name, times in Counter(ids).items() if times > 1]
    assert all(href.startswith("#") for href in page.values("href"))
    assert {href[1:] for href in page.values("href")} <= set(ids)
    labels = " ".join(page.values("aria-labelledby")).split()
    assert set(labels) <= set(ids)


def test_charts_have_words_and_headings_descend_by_one(make_run: RunMaker) -> None:
    page = page_of(make_run())
    assert all(attrs.get("role") == "img" and attrs.get("aria-labelledby") for tag, attrs in page.tags if tag == "svg")
    assert "Forest plot, win rate of" in page.text
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 20
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_nothing_is_asked_of_the_network(make_run: RunMaker) -> None:
    page = page_of(make_run())
    assert not page.values("src") and not page.values("style")
    assert not [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "base", "form")]
    for value in [v for _, attrs in page.tags for v in attrs.values() if v]:
        assert "://" not in value and not value.startswith("//")


def test_only_our_script_and_style_may_run(make_run: RunMaker) -> None:
    html = build_report(make_run()).read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'").replace("&#34;", '"')
    for tag in ("script", "style"):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode("utf-8")).digest()).decode("ascii")
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert allowed.startswith("default-src 'none'")


def test_what_a_model_writes_is_text(make_run: RunMaker, hostile: str) -> None:
    run = make_run(hostile=True)
    page = page_of(run)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert "<script>alert(1)</script></script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }} {% raw %}" in page.text
    html = (run / "report.html").read_text("utf-8")
    assert "\u202e" not in html and "⟨U+202E⟩" in html


def test_commands_in_our_words_stand_as_code_and_nothing_else_does(make_run: RunMaker) -> None:
    run = make_run(prompts=16)
    (run / "decision.json").unlink()
    page = build_report(run).read_text("utf-8")
    assert "there is no decision; <code>venire gate EXPERIMENT</code> makes one" in page
    assert "`" not in re.sub(r"(?s)<(script|style)>.*?</\1>", "", page)
    assert str(prose("a `<b>x</b>` & `")) == "a <code>&lt;b&gt;x&lt;/b&gt;</code> &amp; `"


def test_hostile_names_do_no_harm_in_markdown(make_run: RunMaker) -> None:
    run = make_run()
    decision = read_json(run / "decision.json")
    decision["components"][0]["name"] = "weird | name](http://tracker.example) <img src=x> @someone `x`"
    (run / "decision.json").write_text(json.dumps(decision), "utf-8")
    build_report(run)
    text = (run / "report.md").read_text("utf-8")
    assert "<img" not in text.replace("\\<img", "")
    assert "](http" not in text.replace("\\](http", "") and "http://" not in text and "@someone" not in text
    rows = [line for line in text.splitlines() if line.startswith("| Weird")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 5


def test_a_huge_answer_unfolds_to_its_last_word(make_run: RunMaker) -> None:
    run = make_run(prompts=4)
    answers = pl.read_parquet(run / "answers.parquet")
    last = pl.when(pl.col("suite") == "venire/value_alignment").then(pl.lit("the very end")).otherwise(pl.lit(""))
    answers.with_columns(answer=pl.lit("word " * 20_000) + last).write_parquet(run / "answers.parquet")
    page = page_of(run)
    assert "94,012 more characters" in page.text
    assert page.text.count("the very end") == 2 * 4
    assert "94,000 more characters: see answers.parquet, or the log." in page.text  # an item of a suite


def test_huge_answers_are_packed_and_where_they_do_not_fit_it_is_said(
    make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    answers = pl.read_parquet(run / "answers.parquet")
    answers.with_columns(answer=pl.lit("word " * 20_000)).write_parquet(run / "answers.parquet")
    page_of(run)
    assert (run / "report.html").stat().st_size < 4_000_000
    report = make_report(read_run(run))
    assert all(pair.candidate and pair.candidate.rest for pair in report.pairs.pairs)
    monkeypatch.setattr("venire.reports.pairs.PAGE_BUDGET", 2_000_000)
    report = make_report(read_run(run))
    with_rest = [bool(pair.candidate and pair.candidate.rest) for pair in report.pairs.pairs]
    assert report.pairs.dropped == 0 and 0 < sum(with_rest) < len(with_rest)


@pytest.mark.parametrize(
    "gone",
    [
        "run.json",
        "analysis.json",
        "votes.parquet",
        "answers.parquet",
        "suites.parquet",
        "qualification.json",
        "manifest.json",
        "decision.json",
        "contenders.json",
        "experiment.lock",
        "candidates",
    ],
)
def test_a_missing_file_is_named_and_breaks_nothing(make_run: RunMaker, gone: str) -> None:
    run = make_run()
    target = run / gone
    if target.is_dir():
        for file in target.glob("*/*"):
            file.unlink()
    else:
        target.unlink()
    page = page_of(run)
    if gone != "contenders.json":  # names follow from the models where it is not there
        assert "Not in the run folder" in page.text and gone in page.text


def test_only_a_decision_is_enough(make_run: RunMaker, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "decision.json").write_bytes((make_run() / "decision.json").read_bytes())
    page = page_of(alone)
    assert "The gate: what was required" in page.text and "No votes were analysed" in page.text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is it a run"):
        build_report(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        build_report(tmp_path / "nowhere")


def test_a_broken_file_is_named(make_run: RunMaker) -> None:
    run = make_run()
    (run / "analysis.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match=r"analysis\.json: not valid JSON"):
        build_report(run)
    (run / "analysis.json").unlink()
    (run / "votes.parquet").write_text("no", "utf-8")
    with pytest.raises(InputError, match=r"votes\.parquet: not a Parquet file"):
        build_report(run)


def test_without_script_every_pair_is_there(make_run: RunMaker) -> None:
    page = page_of(make_run(prompts=20))
    assert sum(attrs.get("class") == "pair" and "data-tags" in attrs for _, attrs in page.tags) == 20
    assert not [tag for tag, attrs in page.tags if "hidden" in attrs]


def test_what_does_not_fit_is_counted(make_run: RunMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venire.reports.pairs.PAGE_BUDGET", 60_000)
    run = make_run(prompts=40)
    page = page_of(run)
    shown = sum("data-tags" in attrs for _, attrs in page.tags)
    assert 0 < shown < 40
    assert f"{shown} of 40 pairs are on this page" in page.text


def test_the_same_run_gives_the_same_bytes(make_run: RunMaker) -> None:
    run = make_run()
    first = [build_report(run).read_bytes(), *((run / f"report.{kind}").read_bytes() for kind in ("md", "json"))]
    second = [build_report(run).read_bytes(), *((run / f"report.{kind}").read_bytes() for kind in ("md", "json"))]
    assert first == second


def test_a_page_of_57_pairs_and_four_judges_stays_small(make_run: RunMaker) -> None:
    run = make_run(prompts=57)
    answers = pl.read_parquet(run / "answers.parquet")
    longer = pl.concat_str(pl.col("answer"), pl.lit(" And another sentence of an answer, as they are written." * 16))
    answers.with_columns(answer=longer).write_parquet(run / "answers.parquet")
    page = page_of(run)
    assert sum("data-tags" in attrs for _, attrs in page.tags) == 57
    assert (run / "report.html").stat().st_size < 2_000_000


def test_answers_that_loop_are_not_marked_and_the_page_says_why(make_run: RunMaker) -> None:
    run = make_run(prompts=8)
    frame = pl.read_parquet(run / "answers.parquet")
    mine, other = pl.lit("go on " * 370), pl.lit("go on and " * 240)
    loops = pl.when(pl.col("model").str.contains("@")).then(mine).otherwise(other)
    frame.with_columns(answer=loops).write_parquet(run / "answers.parquet")
    assert "Nothing is marked: the answers repeat the same words too often" in page_of(run).text

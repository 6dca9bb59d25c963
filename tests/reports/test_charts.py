"""The charts: the right numbers at the right place, words for who cannot see them, nothing that a policy forbids."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from venire.reports.charts import Chart, agreement_matrix, forest, gate_chart, margin
from venire.reports.components import Component, components
from venire.reports.curves import phrasing_chart, progression_chart
from venire.reports.figures import Estimate
from venire.reports.files import read_run
from venire.reports.model import Report, make_report
from venire.reports.numbers import percent
from venire.reports.progression import PhrasingPoint
from venire.reports.render import render_markdown
from venire.reports.suites import Rate, changes

RunMaker = Callable[..., Path]
ROWS = [
    Estimate("panel", "Panel", 0.7, 0.6, 0.8, 57),
    Estimate("judge", "a$b$ <script>\u202e", 0.4, 0.2, 0.6, 57),
    Estimate("check", "Invalid votes against it", 0.65, 0.55, None, 57),
    Estimate("check", "Majority", 0.8, None, None, 57, solid=False),
    Estimate("domain", "unknown", None, None, None, 3),
]


def drawn(chart: Chart | None) -> ElementTree.Element:
    assert chart is not None
    return ElementTree.fromstring(str(chart.wide))


@pytest.fixture
def report(make_run: RunMaker) -> Report:
    return make_report(read_run(make_run()))


def test_a_forest_plot_puts_rates_and_intervals_where_they_belong() -> None:
    root = drawn(forest("f", "win rate", ROWS))
    box = [float(part) for part in root.attrib["viewBox"].split()]
    lines = [re.findall(r"-?[\d.]+", path.attrib["d"]) for path in root.iter("path")]
    ticks = {
        text.text: float(text.attrib["x"]) for text in root.iter("text") if text.text in ("0%", "50%", "75%", "100%")
    }
    assert 0 <= ticks["0%"] < ticks["50%"] < ticks["100%"] <= box[2]

    def x(rate: float) -> float:
        return ticks["0%"] + rate * (ticks["100%"] - ticks["0%"])

    across = [(float(p[0]), float(p[2])) for p in lines if len(p) == 4 and p[1] == p[3]]
    for low, high in ((0.6, 0.8), (0.2, 0.6), (0.55, 0.65)):
        assert any(abs(a - x(low)) < 0.5 and abs(b - x(high)) < 0.5 for a, b in across)
    upright = [float(p[0]) for p in lines if len(p) == 4 and p[0] == p[2]]
    assert any(abs(place - x(0.5)) < 0.5 for place in upright), "the line of no preference"


def test_a_chart_says_in_words_what_it_shows() -> None:
    chart = forest("f", "win rate", ROWS)
    assert chart is not None
    assert "Panel 70.0%, 60.0% to 80.0%, n 57" in chart.words
    assert "at least 55.0%" in chart.words and "unknown" not in chart.words
    root = drawn(chart)
    assert root.attrib["role"] == "img"
    ids = {element.get("id"): element for element in root.iter()}
    title, words = (ids[name] for name in root.attrib["aria-labelledby"].split())
    assert title.text == "win rate" and "Forest plot" in (words.text or "")


def test_a_name_is_a_name_whatever_stands_in_it() -> None:
    chart = forest("f", "win rate", ROWS)
    assert chart is not None
    text = "".join(element.text or "" for element in drawn(chart).iter("text"))
    assert "judge a$b$ <script>⟨U+202E⟩" in text
    assert "<script" not in str(chart.wide) and "\u202e" not in str(chart.wide) + chart.words.replace("\u202e", "")


def test_nothing_in_a_chart_that_the_policy_forbids_or_that_fetches(report: Report) -> None:
    charts = [report.gate_plot, report.win_rate_plot, report.agreement_plot, report.progression_plot]
    charts += [report.candidates_plot]
    for chart in charts:
        assert chart is not None
        for picture in (chart.wide, chart.narrow):
            root = ElementTree.fromstring(str(picture))
            tags = {element.tag for element in root.iter()}
            assert tags <= {"svg", "title", "desc", "g", "defs", "path", "use", "text", "tspan", "clipPath", "rect"}
            for element in root.iter():
                assert "style" not in element.attrib
                assert not any("http" in value for value in element.attrib.values())
                href = element.get("href", "#")
                assert href.startswith("#")


def test_what_a_chart_points_to_is_in_it(report: Report) -> None:
    for chart in (report.gate_plot, report.win_rate_plot, report.progression_plot):
        assert chart is not None
        root = drawn(chart)
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids)) and all(name.startswith(chart.identity) for name in ids)
        pointed = {element.attrib["href"][1:] for element in root.iter() if "href" in element.attrib}
        pointed |= set(re.findall(r"url\(#(.+?)\)", str(chart.wide)))
        assert pointed <= set(ids)


def test_colours_are_the_palettes_and_follow_light_and_dark(report: Report) -> None:
    style = (Path(__file__).parents[2] / "reports" / "templates" / "page.css").read_text("utf-8")
    classes = {
        name
        for chart in (report.win_rate_plot, report.agreement_plot, report.progression_plot)
        for name in re.findall(r'class="([^"]+)"', str(chart.wide if chart else ""))
        for name in name.split()
    }
    assert {"f-ink", "s-line"} <= classes
    for name in classes:
        assert f".{name} {{" in style
    assert style.count("--green:") == 3, "light, dark, print"


def test_the_gate_chart_shows_each_measured_component_by_its_margin(make_run: RunMaker) -> None:
    files = read_run(make_run())
    gate = components(files)
    by_name = {c.name: c for c in gate}
    superiority = by_name["superiority"]
    assert margin(superiority) == pytest.approx(superiority.observed - 0.5)
    limit = next(c for c in gate if c.name.startswith("threshold"))
    assert margin(limit) == pytest.approx(limit.required - limit.observed), "at most: below the bound is met"
    for component in gate:
        distance = margin(component)
        if distance is not None and component.state != "undefined":
            assert (distance >= 0) == (component.state == "passed"), component.name
    chart = gate_chart(gate)
    assert chart is not None
    for component in gate:
        assert (component.title in chart.words) == (margin(component) is not None)
    assert gate_chart([replace(c, observed=None) for c in gate]) is None


def certified(make_run: RunMaker, hits: float, bound: float | None) -> Component:
    """The run's threshold (at most 30%) as it fails where it must be certified; without `bound`: an older file."""
    files = read_run(make_run())
    row = next(row for row in files.decision["components"] if row["name"].startswith("threshold"))
    row |= {"passed": False, "observed": hits} | ({} if bound is None else {"bound": bound})
    return next(c for c in components(files) if c.name == row["name"])


def test_a_threshold_that_must_be_certified_is_drawn_by_its_bound_and_says_what_was_missing(make_run: RunMaker) -> None:
    few = certified(make_run, 0.0, 0.31)
    assert margin(few) == pytest.approx(0.30 - 0.31) and few.observed_words == "0.0%, upper bound 31.0%"
    assert "keeps its bound on the items that were scored, but they are too few" in few.failed
    assert few.change.startswith("more items")


def test_a_threshold_that_is_missed_says_so_and_one_without_its_bound_is_not_drawn_as_met(make_run: RunMaker) -> None:
    missed = certified(make_run, 0.40, 0.60)
    assert "lies beyond its bound" in missed.failed and "items" not in missed.change
    before = replace(missed, observed=0.0, bound=None)
    assert margin(before) is None and gate_chart([before]) is None


def test_what_the_policy_asks_is_not_rounded(make_run: RunMaker) -> None:
    files = read_run(make_run())
    asked = {"coverage": 0.975, "agreement": 0.205, "non_inferiority": -0.0125, "threshold": 0.125}
    for row in files.decision["components"]:
        row["required"] = asked.get(row["name"].partition(":")[0], row["required"])
    said = {c.name.partition(":")[0]: c.required_words for c in components(files)}
    assert said["coverage"] == "at least 97.5%" and said["agreement"] == "at least 0.205"
    assert said["non_inferiority"] == "above −1.25 points" and said["threshold"] == "at most 12.5%"
    assert said["superiority"] == "above 50%"
    frozen = {suite["name"]: suite for suite in files.frozen["suites"]}
    frozen["epistemic_stance"]["thresholds"]["ai_disclaimer"]["at_most"] = 0.125
    frozen["forgetting"]["non_inferiority"]["delta"] = 0.0125
    roles = " ".join(change.role for change in changes(files))
    assert "threshold: at most 12.5%" in roles and "may not lose 1.25% or more" in roles


def test_the_first_picture_shows_the_interval_that_its_headline_gives(report: Report) -> None:
    assert report.at_least is not None and report.verdict_plot is not None
    panel = report.win_rates[0]
    assert panel.low == report.at_least and "best of several" in panel.note
    said = f"at least {percent(report.at_least)}, the best of several; its own mean {percent(panel.estimate)} ("
    assert said + f"{100 * report.at_least:.1f} to" in report.verdict_plot.words
    assert render_markdown(report).count("(lower end: for the best of several)") == 1
    ticks = "".join(text.text or "" for text in drawn(report.verdict_plot).iter("text"))
    assert all(figure in ticks for figure in ("0%", "50%", "100%"))


def test_the_matrix_needs_three_judges(report: Report) -> None:
    assert report.agreement_plot is not None
    for row in report.judge_pairs:
        assert f"{row['judges'][0]} and {row['judges'][1]} {row['raw']:.2f}" in report.agreement_plot.words
    assert agreement_matrix(report.judge_pairs[:1]) is None


def test_progression_is_by_recipe_and_step_with_gain_and_damage(report: Report) -> None:
    series = {}
    for point in report.checkpoints:
        series.setdefault(point.series, []).append(point.step)
    assert series == {"stance_dpo": [6, 12], "stance_sft": [12, 24]}
    finalist = next(c for c in report.checkpoints if c.finalist)
    guarded = next(change for change in report.suites if "may not lose" in change.role)
    assert finalist.worst is not None
    assert (finalist.worst.change, finalist.worst.low) == (guarded.difference, guarded.low)
    chart = progression_chart(report.checkpoints)
    assert chart is not None
    for point in report.checkpoints:
        assert point.gain is not None and f"step {point.step}: win rate {percent(point.gain.estimate)}" in chart.words
    assert progression_chart(report.checkpoints[:1]) is None


def test_the_phrasing_curve_counts_phrasings_where_the_recipe_says_how_many() -> None:
    rate = Rate(0.6, 0.4, 0.8, 40)
    found = [
        PhrasingPoint("base", "", 0, Rate(0.0, 0.0, 0.1, 40), Rate(0.0, 0.0, 0.1, 40)),
        PhrasingPoint("one", "facts", 1, replace(rate, estimate=0.9), rate),
        PhrasingPoint("ten", "facts", 10, replace(rate, estimate=0.95), replace(rate, estimate=0.8)),
    ]
    chart = phrasing_chart(found, "phrasings of each fact in training")
    assert chart is not None
    assert "one, trained 90.0%" in chart.words and "novel 60.0%" in chart.words
    texts = [element.text for element in drawn(chart).iter("text")]
    assert texts.count("phrasings of each fact in training") == 2
    assert phrasing_chart(found[:1], "x") is None


def test_the_same_figures_give_the_same_bytes() -> None:
    assert forest("f", "win rate", ROWS) == forest("f", "win rate", ROWS)

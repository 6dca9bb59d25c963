"""The report in a real browser: no error, no request, nothing too wide, and its filters and search do what they say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from venire._common.files import read_json
from venire.judges.analysis import analyze
from venire.reports import build_report
from venire.reports.numbers import decimal, interval, percent, points

from .browser import CHROMIUM, Browser, Tab, chromium

RunMaker = Callable[..., Path]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on PATH")
SHOWN = "[...document.querySelectorAll('.pair[data-tags]')].filter((p) => !p.hidden)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def opened(browser: Browser, page: Path) -> Tab:
    tab = browser.tab()
    tab.size(1440)
    tab.open(page.as_uri())
    return tab


def choose(tab: Tab, field: str, value: str) -> None:
    box = f"document.querySelector('#filters [name={field}]')"
    tab.run(f"{box}.value = {value!r}; {box}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    tab.run("new Promise((done) => setTimeout(done, 400))")


@pytest.mark.parametrize("hostile", [False, True])
def test_no_error_no_request_nothing_too_wide(make_run: RunMaker, browser: Browser, hostile: bool) -> None:
    tab = opened(browser, build_report(make_run(hostile=hostile)))
    for width, dark in ((390, False), (1440, True), (768, False)):
        tab.size(width, dark=dark)
        tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        tab.run("new Promise((done) => setTimeout(done, 300))")
        assert tab.run("document.documentElement.scrollWidth") <= width
        wide = tab.run(
            "[...document.querySelectorAll('svg')].filter((s) => s.getBoundingClientRect().right > innerWidth).length"
        )
        assert wide == 0
    assert tab.console == []
    assert [address for address in tab.requests if not address.startswith("file:")] == []
    assert tab.run("document.querySelectorAll('main script, main img, main iframe').length") == 0
    tab.close()


def test_on_paper_no_table_is_cut_and_small_print_is_smaller_than_its_row(make_run: RunMaker, browser: Browser) -> None:
    run = make_run(prompts=16, candidates=("sft-step12/plain",))
    suites = pl.read_parquet(run / "suites.parquet")
    more = [suites.with_columns(model=pl.col("model").str.replace("step12", f"step{n}00")) for n in range(20)]
    several = [suites.with_columns(metric=pl.format("{}_{}", "metric", pl.lit(n))) for n in range(3)]
    pl.concat([suites, *more, *several]).unique(maintain_order=True).write_parquet(run / "suites.parquet")
    tab = opened(browser, build_report(run))
    tab.paper(703)
    tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    wide = (
        "[...document.querySelectorAll('table')].filter((t) => t.offsetWidth > 703).map((t) => t.caption.textContent)"
    )
    assert tab.run("document.querySelectorAll('table').length") > 10 and tab.run(wide) == []
    columns = "Math.max(...[...document.querySelectorAll('table')].map((t) => t.rows[0].cells.length))"
    assert tab.run(columns) <= 8, "more are slivers"
    size = "parseFloat(getComputedStyle(each).fontSize)"
    larger = (
        "[...document.querySelectorAll('td small, th small, thead th, .said')].filter((each) => "
        f"{size} > {size.replace('each', 'each.closest(`table`)')}).map((each) => each.outerHTML)"
    )
    assert tab.run(larger) == []
    tab.close()


def test_text_in_a_chart_stays_inside_it(make_run: RunMaker, browser: Browser) -> None:
    tab = opened(browser, build_report(make_run()))
    for width in (390, 1440):
        tab.size(width)
        outside = tab.run(
            """[...document.querySelectorAll('svg text')].filter((text) => {
                 const box = text.getBoundingClientRect(), around = text.closest('svg').getBoundingClientRect();
                 return box.width && (box.left < around.left - 1 || box.right > around.right + 1); })
               .map((text) => text.textContent)"""
        )
        assert outside == []
    tab.close()


def test_numbers_on_the_page_are_those_of_analyze_and_the_decision(make_run: RunMaker, browser: Browser) -> None:
    run = make_run()
    tab = opened(browser, build_report(run))
    decision = read_json(run / "decision.json")
    found = analyze(pl.read_parquet(run / "votes.parquet"))  # what `venire votes analyze --json` prints
    c = next(c for c in found["comparisons"] if c["candidate"] == decision["candidate"])
    said = tab.run("document.querySelector('#decision').innerText")
    rate = decision["win_rate"]
    assert f"{percent(rate['estimate'])} (95% interval {interval(rate['low'], rate['high'])}" in said
    assert decision["outcome"] in said

    tab.run("document.querySelectorAll('details.small').forEach((each) => { each.open = true })")
    rows = tab.run(
        """[...document.querySelectorAll('[aria-label="Win rates"] tbody tr')].map((row) =>
             [...row.children].map((cell) => cell.innerText.split('\\n')[0]))"""
    )
    table = {row[0]: row[1:4] for row in rows}
    for name, judge in c["judges"].items():
        expected = [percent(judge["win_rate"]), interval(judge["low"], judge["high"]), str(judge["pairs_both_orders"])]
        assert table[f"judge {name}"] == expected
    for name, domain in c["domains"].items():
        assert table[f"domain {name}"] == [
            percent(domain["win_rate"]),
            interval(domain["low"], domain["high"]),
            str(domain["n"]),
        ]
    agreement = tab.run("document.querySelector('#agreement').innerText")
    for value in (
        c["agreement"]["a_flip"]["estimate"],
        c["agreement"]["raw"],
        c["agreement"]["krippendorff_alpha_nominal"],
    ):
        assert decimal(value) in agreement
    coefficients = {row[0]: row[1:3] for row in cells(tab, "Coefficients of agreement")}
    flip = c["agreement"]["a_flip"]
    assert coefficients["Signed agreement A_flip"] == [decimal(flip["estimate"]), f"at least {decimal(flip['low'])}"]
    for key, label in (("fleiss_kappa", "Fleiss' κ"), ("gwet_ac1", "Gwet's AC1"), ("gwet_ac2", "Gwet's AC2")):
        assert coefficients[label][0] == decimal(c["agreement"][key])
    for row in cells(tab, "Agreement of two judges"):
        key = row[0].replace(" and ", "|")
        block = c["agreement"]
        assert row[1:] == [decimal(block[of][key]) for of in ("raw_pairs", "cohen_kappa", "gwet_ac1_pairs")]

    without = {row[0].removeprefix("judge "): row[1:3] for row in cells(tab, "Win rate without one judge")}
    assert without == {
        row["without"]: [percent(row["estimate"]), percent(row["low"])] for row in c["leave_one_judge_out"]
    }
    places = {row[0]: row[1:] for row in cells(tab, "Position of the answers")}
    for name, judge in c["judges"].items():
        counts = [
            judge[k] for k in ("pairs_both_orders", "both_orders_candidate", "first_slot_both", "second_slot_both")
        ]
        bias, n = judge["position_bias"], judge["pairs_both_orders"]
        assert places[name] == [
            *map(str, counts), f"{percent(judge['swap_consistency'])} of {n}", points(bias["estimate"])
        ]  # fmt: skip
    length = tab.run("document.querySelector('#length').innerText")
    assert c["length"]["identifiable"]
    within = interval(c["length"]["low"], c["length"]["high"])
    assert f"{percent(c['length']['controlled_win_rate'])} (95% interval {within};" in length
    covered = tab.run("document.querySelector('#coverage').innerText")
    totals, against = c["totals"], c["invalid_against_candidate"]
    asked = sum(totals.values())
    assert f"{asked - totals['invalid']:,} of {asked:,} votes are valid (coverage {percent(c['coverage'])})" in covered
    assert (
        totals["invalid"] and f"{percent(against['estimate'])} (95% interval from {percent(against['low'])};" in covered
    )

    suite = pl.read_parquet(run / "suites.parquet").filter(pl.col("suite") == "venire/forgetting")
    name = decision["candidate"].partition("/")[0]
    of_base = suite.filter(pl.col("model") == "venire/smollm2-135m")["value"].to_list()
    of_candidate = suite.filter(pl.col("model").str.contains(f":{name}@", literal=True))["value"].to_list()
    before, after = (sum(values) / len(values) for values in (of_base, of_candidate))
    shown = next(row for row in cells(tab, "Suites before and after") if row[0] == "venire/forgetting")
    assert shown[1:4] == [percent(before), percent(after), points(after - before)]

    drawn = tab.run("document.querySelector('svg[aria-labelledby^=verdict-plot-title]').textContent")
    least = min(rate["low"], rate.get("simultaneous_low") or rate["low"])  # the bound that decides among several
    assert percent(rate["estimate"]) in drawn and f"{100 * least:.1f} to {100 * rate['high']:.1f}" in drawn
    gate = tab.run("[...document.querySelectorAll('#gate tbody tr')].map((row) => row.innerText)")
    assert len(gate) == len(decision["components"])
    for text, component in zip(gate, decision["components"], strict=True):
        assert ("✓ passed" in text) == (component["passed"] is True)
        if component["detail"]:
            assert component["detail"] in text
        if component["name"] in ("superiority", "length"):
            assert percent(component["observed"]) in text and percent(component["required"], 0) in text
        if component["name"] == "agreement":
            assert decimal(component["observed"]) in text and decimal(component["required"], 2) in text
    tab.close()


def cells(tab: Tab, table: str) -> list[list[str]]:
    """The first line of every cell of a table's body."""
    return tab.run(
        f"""[...document.querySelectorAll('[aria-label="{table}"] tbody tr')].map((row) =>
              [...row.children].map((cell) => cell.innerText.trim().split('\\n')[0]))"""
    )


def test_filter_search_and_links_lead_to_the_rows(make_run: RunMaker, browser: Browser) -> None:
    tab = opened(browser, build_report(make_run()))
    total = tab.run(f"{SHOWN}.length")
    tags = tab.run(f"{SHOWN}.map((p) => p.dataset.tags.split(' '))")
    for tag in ("loss", "disagreement", "flip", "invalid"):
        choose(tab, "tag", tag)
        assert tab.run(f"{SHOWN}.length") == sum(tag in each for each in tags)
    choose(tab, "tag", "")
    choose(tab, "words", "(7)")
    assert 0 < tab.run(f"{SHOWN}.length") < total
    tab.run("document.querySelector('#filters [name=clear]').click()")
    tab.run("new Promise((done) => setTimeout(done, 300))")
    assert tab.run(f"{SHOWN}.length") == total

    tab.run("document.querySelectorAll('details.small').forEach((each) => { each.open = true })")
    tab.run("[...document.querySelectorAll('#win-rates a[data-judge][data-tag=loss]')][0].click()")
    tab.run("new Promise((done) => setTimeout(done, 300))")
    judge = tab.run("document.querySelector('#filters [name=judge]').selectedOptions[0].textContent")
    losses = tab.run(
        f"{SHOWN}.map((p) => {{ p.open = true; return [...p.querySelectorAll('tbody tr')].find((row) =>"
        f" row.firstElementChild.innerText.startsWith({judge!r})).lastElementChild.innerText.trim(); }})"
    )
    assert losses and set(losses) == {"loss"}
    assert re.search(r"\d+ of \d+ pairs shown", tab.run("document.querySelector('#shown').textContent"))
    tab.close()


def test_every_part_can_be_reached_and_named_without_a_mouse_or_sight(make_run: RunMaker, browser: Browser) -> None:
    tab = opened(browser, build_report(make_run()))
    spoken = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tab.tree() if "role" in node]
    names = [name for role, name in spoken if role in ("img", "image", "graphics-document", "SvgRoot")]
    assert any("win rate of" in name for name in names)
    for role, name in spoken:
        if role in ("link", "button", "textbox", "searchbox", "combobox"):
            assert name.strip(), role
    tab.press("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    tab.close()


def test_fifty_seven_pairs_stay_small_and_open_at_once(make_run: RunMaker, browser: Browser) -> None:
    page = build_report(make_run(prompts=57))
    assert page.stat().st_size < 2_000_000
    tab = opened(browser, page)
    ready = tab.run("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert ready < 3000, "it opens in under a second; the rest is for a busy machine"
    tab.close()


def test_five_thousand_pairs_are_all_there(make_run: RunMaker, browser: Browser) -> None:
    page = build_report(make_run(prompts=5000, candidates=("stance_sft-step12/plain",)))
    assert page.stat().st_size < 20_000_000
    tab = opened(browser, page)
    tab.wait_for("document.getElementById('shown').textContent.includes('5000 of 5000')", seconds=60)
    assert tab.run("document.querySelectorAll('.pair[data-tags] .body').length") == 0, "unpacked when it is opened"
    tab.run("document.getElementById('pair-4321').open = true")
    tab.wait_for("document.querySelector('#pair-4321 .body tbody tr')")
    choose(tab, "words", "(4322)")
    tab.wait_for("document.getElementById('shown').textContent.includes(' of 5000 pairs shown')", seconds=60)
    tab.wait_for(f"{SHOWN}.length > 0 && {SHOWN}.length < 10", seconds=60)
    assert tab.console == []
    tab.close()

"""A judge's price is the panel's, else a dated list price, else unknown: never nothing."""

from datetime import date
from pathlib import Path

import pytest

from venire._common.errors import InputError
from venire.judges.panel import resolve_panel
from venire.judges.prices import Price, load_prices, price_of
from venire.judges.purse import Purse, dollars


def test_the_table_says_when_and_where_its_prices_were_read() -> None:
    for provider, vendor in load_prices().items():
        assert vendor.source.startswith("https://"), provider
        assert date(2026, 1, 1) < vendor.read and 0 < vendor.batch <= 1
        assert all(price.output > price.input > 0 for price in vendor.models.values())


def test_a_dated_name_costs_what_its_model_costs() -> None:
    plain = price_of("anthropic/claude-haiku-4-5")
    assert plain is not None and plain == price_of("anthropic/claude-haiku-4-5-20251001")
    assert price_of("openai/gpt-6-luna-2026-09-22") == price_of("openai/gpt-6-luna")
    assert plain.of(1_000_000, 100_000) == pytest.approx(plain.input + plain.output / 10)


def test_batch_mode_costs_its_share() -> None:
    whole, half = (price_of("openai/gpt-6-sol", generation={"batch": batch}) for batch in (False, True))
    assert whole and half and half.input == whole.input / 2 and half.output == whole.output / 2


def test_what_nobody_knows_is_unknown() -> None:
    assert price_of("openai/gpt-0") is None
    assert price_of("someone/model") is None


def test_an_announced_price_ends(tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text(
        "openai: {read: 2026-10-01, source: https://x, models: {m: {input: 1, output: 2, until: 2026-12-31}}}"
    )
    assert price_of("openai/m", tables=(table,), today=date(2026, 12, 31)) is not None
    assert price_of("openai/m", tables=(table,), today=date(2027, 1, 1)) is None


def test_ones_own_prices_come_first(tmp_path: Path) -> None:
    table = tmp_path / "mine.yaml"
    table.write_text("openai: {read: 2026-10-01, source: https://x, models: {gpt-6-sol: {input: 7, output: 8}}}")
    own = {"model": "openai/gpt-6-luna", "price": {"input": 5, "output": 6}}
    judges = resolve_panel({"judges": ["openai/gpt-6-sol", own], "prices": str(table)}).judges
    assert [judge.price and judge.price.input for judge in judges] == [7, 5]
    assert "price" not in judges[0].model_dump()  # what it costs is no part of who it is


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("openai: {read: 2026-10-01}", "openai|source|Field required"),
        ("openai: {read: 2026-10-01, source: x, models: {m: {input: -1, output: 2}}}", "models.m.input"),
        ("[1, 2]", "copy the form"),
        ("a: [", "line 1: not valid YAML"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_prices(path)
    with pytest.raises(InputError, match="no such file"):
        load_prices(tmp_path / "nowhere.yaml")


def test_a_price_that_is_wrong_is_named() -> None:
    with pytest.raises(InputError, match=r"panel\.judges.*price\.input"):
        resolve_panel({"judges": [{"model": "openai/x", "price": {"input": -1, "output": 2}}]})


def test_a_purse_keeps_what_is_in_flight_apart() -> None:
    purse = Purse(calls=10, usd=1.0, spent_calls=4, spent_usd=0.5)
    purse.reserve(4, 0.3)
    assert purse.covers(2, 0.2)
    assert not purse.covers(3, 0.0) and not purse.covers(1, 0.21)
    purse.reserve(-4, -0.3)
    assert purse.covers(6, 0.5)
    assert Purse().covers(10**9, 1e9) and not Purse().limited


def test_money_is_readable() -> None:
    assert [dollars(x) for x in (0, 12.3456, 0.1, 0.0123, 0.00001)] == ["$0.00", "$12.35", "$0.10", "$0.012", "$0.0001"]
    assert Purse(usd=20.0, spent_calls=7, spent_usd=0.25).describe() == "7 paid calls, $0.25 of $20.00"
    assert Price(input=1, output=2).scaled(0.5) == Price(input=0.5, output=1)

"""Personal data is looked for in time that grows with the text, whatever stands in it."""

import time

import pytest

from venire.datasets.personal_data import find_personal


@pytest.mark.parametrize("text", ["a@" + "a." * 30_000 + "!", "eyJaaaaaaaa." * 20_000, "a" * 60_000 + "@"])
def test_a_long_text_takes_no_quadratic_time(text: str) -> None:
    begun = time.process_time()
    list(find_personal(text))
    assert time.process_time() - begun < 3  # it was 15 seconds and more


def test_an_address_is_found_up_to_its_longest() -> None:
    for local in ("ann", "a" * 64):
        assert [found.kind for found in find_personal(f"Write to {local}@mail.skelby.org!")] == ["email"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Call her on 555 123 4567.", "phone"),
        ("Or on 07700900123, after six.", "phone"),
        ("He lives at 14 Elm Road.", "address"),
        ("Sie wohnt Lindenstraße 4b.", "address"),
    ],
)
def test_phones_in_groups_or_without_and_houses_are_found(text: str, kind: str) -> None:
    assert [found.kind for found in find_personal(text) if found.kind != "name"] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "In 1999 200 1500 people came; it cost 1 200 000 or 12 345 6789.",
        "The digits are 0123456789, in binary 0101100110, and 0.1234567890.",
        "On page 4 Road signs are shown, and 3 Days later the Long Road began.",
    ],
)
def test_years_prices_and_digits_are_no_phones_and_no_houses(text: str) -> None:
    assert [found.kind for found in find_personal(text) if found.kind != "name"] == []

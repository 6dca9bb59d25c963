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

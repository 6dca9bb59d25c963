"""Every scorer marks answers as a reader does."""

import pytest

from venire.evals.matching import find_word, stands

from .marked_answers import GIVEN


@pytest.mark.parametrize(("answer", "target", "given"), GIVEN)
def test_a_target_is_given_unless_it_is_denied_or_taken_back(answer: str, target: str, given: bool) -> None:
    assert (find_word(answer, target) is not None) is given
    assert stands(answer, target)

"""What a user wrote is read whole, or refused in one sentence that says where."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from venire._common.errors import InputError
from venire._common.reading import first_fault, parse_yaml, read_text, read_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rank: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    parts: list[Inner]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "line 1: not valid YAML"),
        ("a: 1\nb: 2\na: 3", "line 3: not valid YAML: the key 'a' stands twice"),
        ("a: {b: 1, c: {d: 1, d: 2}}", "the key 'd' stands twice"),
        ("- a: 1\n  a: 1", "line 2: .*the key 'a' stands twice"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=complaint) as refused:
        read_yaml(file)
    assert str(refused.value).startswith(str(file))


def test_merged_keys_may_be_overridden_and_the_same_key_may_stand_in_two_mappings() -> None:
    text = "a: &a {x: 1, c: 3}\nb: &b\n  <<: *a\n  c: 2\nd: {<<: *b, x: 5}\n"
    assert parse_yaml(text, "here") == {"a": {"x": 1, "c": 3}, "b": {"x": 1, "c": 2}, "d": {"x": 5, "c": 2}}


def test_text_that_is_not_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    latin, marked = tmp_path / "latin.txt", tmp_path / "marked.txt"
    latin.write_bytes("first\ncaf\u00e9".encode("latin-1"))
    marked.write_bytes(b"\xef\xbb\xbfa: 1")
    with pytest.raises(InputError, match=r"latin\.txt, line 2: not UTF-8"):
        read_text(latin)
    with pytest.raises(InputError, match=r"recipe '.*absent\.yaml': no such file"):
        read_text(tmp_path / "absent.yaml", "recipe")
    assert read_yaml(marked) == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "key", "message", "unknown"),
    [
        ({"parts": [{"rank": 1}, {"rank": "x"}]}, "parts[1].rank", "Input should be a valid integer", False),
        ({"parts": [], "rate": 1}, "rate", "unknown key", True),
        ([], "", "Input should be a valid dictionary", False),
    ],
)
def test_a_model_s_first_complaint_names_its_key(raw: object, key: str, message: str, unknown: bool) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(raw)
    fault = first_fault(refused.value)
    assert (fault.key, fault.unknown) == (key, unknown)
    assert fault.message.startswith(message)

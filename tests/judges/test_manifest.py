"""The seal: undone it gives the input, each answer bears each label and stands in each place once, nothing moves."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venire._common.errors import InputError, VenireError
from venire.judges.manifest import Manifest, read_manifest, seal, verify
from venire.judges.pairs import Answer, Pair, make_pairs
from venire.judges.sheets import ORDERS, read_sheet, split_id, write_sheet

from .helpers import CANDIDATE, INCUMBENT, answers_frame, mock_judge, mock_panel, origin

texts = st.text(min_size=1, max_size=20)


def make(candidate: str, incumbent: str, seed: int = 0) -> Pair:
    mine, other = Answer("c", candidate, candidate), Answer("i", incumbent, incumbent)
    return Pair("p", 0, "p", None, "Why?", None, None, mine, other, seed)


@settings(deadline=None, max_examples=50)  # it writes files, and the machine may be busy
@given(texts, texts, st.integers(0, 10_000))
def test_undoing_the_labels_gives_the_input(tmp_path_factory, one: str, other: str, seed: int) -> None:
    pair = make(one, other, seed)
    judge = mock_judge()
    folder = tmp_path_factory.mktemp("seal")
    manifest = seal([pair], [judge], folder / "manifest.json", seed=seed)
    part = manifest.parts[judge.name]
    labels: Counter[tuple[str, str]] = Counter()
    places: Counter[tuple[str, int]] = Counter()
    for row in read_sheet(write_sheet(manifest, judge.name, [pair], folder)).rows:
        pair_id, asked = split_id(row.id)
        first = part.first_side(pair_id, asked)
        candidate_first = first == manifest.pairs[0].candidate_side
        assert (row.first if candidate_first else row.second) == one
        assert (row.second if candidate_first else row.first) == other
        labels.update(
            (label, "c" if (text == row.first) == candidate_first else "i") for label, text in row.labelled.items()
        )
        places.update([("c", 1 if candidate_first else 2), ("i", 2 if candidate_first else 1)])
    if one != other:
        assert set(labels.values()) == {1} and len(labels) == 4
    assert set(places.values()) == {1} and len(places) == 4


def test_coins_are_fair_and_differ_between_judges(tmp_path: Path) -> None:
    pairs = make_pairs(answers_frame(n=400), [CANDIDATE], INCUMBENT, seed=1)
    panel = mock_panel("one", "two")
    manifest = seal(pairs, panel.judges, tmp_path / "manifest.json", seed=1)
    candidate_side = {pair.pair: pair.candidate_side for pair in manifest.pairs}
    for part in manifest.parts.values():
        labels = Counter(entry.first_label for entry in part.entries.values())
        firsts = Counter(entry.first_side == candidate_side[pair] for pair, entry in part.entries.items())
        assert 160 < labels["A"] < 240
        assert 160 < firsts[True] < 240
    one, two = (part.entries for part in manifest.parts.values())
    assert 140 < sum(one[pair] == two[pair] for pair in one) * 2 < 260
    assert list(one) != list(two)


def test_swapped_names_give_the_same_sheet(tmp_path: Path, pairs: list[Pair]) -> None:
    swapped = make_pairs(answers_frame(), [INCUMBENT], CANDIDATE, seed=7)
    rows = []
    for name, given_pairs in (("a", pairs), ("b", swapped)):
        manifest = seal(given_pairs, [mock_judge()], tmp_path / name / "manifest.json", seed=7)
        rows.append(read_sheet(write_sheet(manifest, "mockllm/one", given_pairs, tmp_path / name)).rows)
    assert rows[0] == rows[1]


def test_adding_a_judge_touches_no_other(tmp_path: Path, pairs: list[Pair]) -> None:
    path = tmp_path / "manifest.json"
    before = seal(pairs, mock_panel("one").judges, path, seed=7)
    sheet = write_sheet(before, "mockllm/one", pairs, tmp_path).read_bytes()
    after = seal(pairs, mock_panel("one", "two").judges, path, seed=7)
    assert after.parts["mockllm/one"] == before.parts["mockllm/one"]
    assert after.seal_of("mockllm/one") == before.sha256 != after.sha256 == after.seal_of("mockllm/two")
    assert write_sheet(after, "mockllm/one", pairs, tmp_path).read_bytes() == sheet
    assert seal(pairs, mock_panel("two").judges, path, seed=7) == after == read_manifest(path)


def test_sealing_again_changes_nothing(tmp_path: Path, pairs: list[Pair]) -> None:
    path = tmp_path / "manifest.json"
    first = seal(pairs, [mock_judge()], path, seed=7)
    stamp = path.stat().st_mtime_ns
    assert seal(list(reversed(pairs)), [mock_judge()], path, seed=7) == first
    assert path.stat().st_mtime_ns == stamp


def test_other_answers_or_another_judge_under_the_name_are_refused(tmp_path: Path, pairs: list[Pair]) -> None:
    path = tmp_path / "manifest.json"
    seal(pairs, [mock_judge()], path, seed=7)
    with pytest.raises(VenireError, match="sealed for other answers"):
        seal(pairs[:3], [mock_judge()], path, seed=7)
    with pytest.raises(VenireError, match="two judges under one name"):
        seal(pairs, [mock_judge(rubric="brie5")], path, seed=7)


def tampered(manifest: Manifest, change) -> Manifest:
    data = json.loads(manifest.model_dump_json())
    change(data)
    return Manifest.model_validate(data)


def flip_side(data: dict) -> None:
    side = data["pairs"][0]["candidate_side"]
    data["pairs"][0]["candidate_side"] = "high" if side == "low" else "low"


def flip_label(data: dict) -> None:
    entry = next(iter(data["parts"]["mockllm/one"]["entries"].values()))
    entry[0] = "B" if entry[0] == "A" else "A"


def move_use(data: dict) -> None:
    data["pairs"][1]["use"] = "screen"


@pytest.mark.parametrize("change", [flip_side, flip_label, move_use])
def test_what_was_changed_after_the_seal_is_found(tmp_path: Path, pairs: list[Pair], change) -> None:
    path = tmp_path / "manifest.json"
    manifest = seal(pairs, [mock_judge()], path, seed=7)
    verify(manifest)
    with pytest.raises(VenireError, match="changed"):
        verify(tampered(manifest, change))


def test_labels_that_the_seed_does_not_give_are_found_even_under_right_hashes(
    tmp_path: Path, pairs: list[Pair]
) -> None:
    from venire.judges import manifest as module

    manifest = seal(pairs, [mock_judge()], tmp_path / "manifest.json", seed=7)
    changed = tampered(manifest, flip_label)
    part = changed.parts["mockllm/one"]
    whole = module._pairs_hash(changed.pairs)
    part = part.model_copy(update={"sha256": module._hash(whole, part)})
    changed = changed.model_copy(
        update={"parts": {"mockllm/one": part}, "seals": [module._seal(whole, {"mockllm/one": part})]}
    )
    with pytest.raises(VenireError, match="not those that the seed gives"):
        verify(changed)


def test_no_name_and_no_side_stands_in_a_sheet(tmp_path: Path, pairs: list[Pair]) -> None:
    manifest = seal(pairs, [mock_judge()], tmp_path / "manifest.json", seed=7)
    text = write_sheet(manifest, "mockllm/one", pairs, tmp_path).read_text()
    for word in (CANDIDATE, INCUMBENT, "brie", "smollm2", "candidate_side", "incumbent", '"low"', '"high"'):
        assert word not in text.lower()
    ids = [row.id for row in read_sheet(tmp_path / "mockllm-one.jsonl").rows]
    assert ids[0::2] == [i.replace("-2", "-1") for i in ids[1::2]]
    assert {split_id(i)[1] for i in ids} == set(ORDERS)


def test_a_rubric_that_needs_the_reference_refuses_pairs_without(tmp_path: Path) -> None:
    bare = make_pairs(answers_frame(reference=""), [CANDIDATE], INCUMBENT, seed=7)
    manifest = seal(bare, [mock_judge(rubric="stance")], tmp_path / "manifest.json", seed=7)
    with pytest.raises(InputError, match=r"value_alignment/s\d' has no `reference`"):
        write_sheet(manifest, "mockllm/one", bare, tmp_path)


def test_standing_is_sealed(tmp_path: Path, pairs: list[Pair]) -> None:
    origins = [origin(CANDIDATE, teachers=("mockllm",)), origin(INCUMBENT)]
    manifest = seal(pairs, [mock_judge()], tmp_path / "manifest.json", seed=7, origins=origins)
    assert [judged.standing for judged in manifest.parts["mockllm/one"].standing] == ["conflict"]


def test_there_must_be_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no manifest there"):
        read_manifest(tmp_path / "manifest.json")

"""Examples never move between splits."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.data import Split, split_of
from retread.data.gathered import SourceExamples
from retread.data.identity import Known, identify
from retread.data.nearness import Leaders
from retread.data.placing import place
from retread.project.settings import DataSection

from .conftest import gathered

SHARES = {"evaluation_share": 0.2, "validation_share": 0.15}
CONTENTS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=40)


def test_shares_are_about_what_was_asked() -> None:
    found = Counter(split_of(f"group {i}", **SHARES) for i in range(20_000))
    assert abs(found[Split.EVALUATION] / 20_000 - 0.20) < 0.01
    assert abs(found[Split.VALIDATION] / 20_000 - 0.15) < 0.01


@given(first=CONTENTS, later=st.lists(CONTENTS, max_size=3), append=st.booleans())
def test_an_example_keeps_id_group_and_split_as_a_dataset_grows(
    first: list[tuple[int, str]], later: list[list[tuple[int, str]]], append: bool
) -> None:
    settings = DataSection()
    keys = place(gathered(first), None, frozenset(), settings).keys
    held = list(first)
    for more in later:
        held += more
        source: SourceExamples = gathered(more if append else held)
        stay = frozenset(keys["_id"].to_pylist() if append else ())
        grown = place(source, keys, stay, settings).keys
        before = {row["_id"]: row for row in keys.to_pylist()}
        after = {row["_id"]: row for row in grown.to_pylist()}
        assert len(after) == grown.num_rows
        assert before.items() <= after.items()
        keys = grown


@given(rows=CONTENTS)
def test_the_same_source_changes_nothing(rows: list[tuple[int, str]]) -> None:
    keys = place(gathered(rows), None, frozenset(), DataSection()).keys
    for stay in (frozenset(), frozenset(keys["_id"].to_pylist())):
        again = place(gathered(rows), keys, stay, DataSection())
        assert again.keys.equals(keys)
        assert again.rows.num_rows == 0


@given(rows=CONTENTS, more=CONTENTS, share=st.floats(0.05, 0.45), kept=st.integers(0, 40))
def test_what_looks_alike_is_never_on_two_sides(
    rows: list[tuple[int, str]], more: list[tuple[int, str]], share: float, kept: int
) -> None:
    keys = place(gathered(rows), None, frozenset(), DataSection()).keys
    assert _is_divided_by_group(keys)
    stay = frozenset(keys["_id"].to_pylist()[:kept])
    changed = DataSection(evaluation_share=share)
    grown = place(gathered(more), keys, stay, changed).keys
    assert _is_divided_by_group(grown)
    assert stay <= set(grown["_id"].to_pylist())


def _is_divided_by_group(keys: pa.Table) -> bool:
    sides: dict[str, set[str]] = {}
    for row in keys.to_pylist():
        sides.setdefault(row["_group"], set()).add(row["_split"])
    return all(len(splits) == 1 for splits in sides.values())


@pytest.mark.parametrize(("stays", "id_"), [(False, "c" * 32), (True, "c" * 32 + "-1")])
def test_a_relabelled_example_keeps_its_id_unless_that_stays(stays: bool, id_: str) -> None:
    known = {"c" * 64: [Known("c" * 32, "good", "g", stays)]}
    assert identify(["c" * 64], ["bad"], known) == [id_]


@given(rows=CONTENTS)
def test_ids_are_unique(rows: list[tuple[int, str]]) -> None:
    ids = identify([f"{c:032}" for c, _ in rows], [label for _, label in rows], {})
    assert len(set(ids)) == len(ids)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.sets(st.integers(0, 63), max_size=4))
def test_what_differs_in_few_bits_joins_its_leader(hashes: list[int], bits: set[int]) -> None:
    leaders = Leaders(f"{value:016x}" for value in hashes)
    for value in hashes:
        near = value
        for bit in bits:
            near ^= 1 << bit
        leader = leaders.group_of(f"{near:016x}")
        assert (int(leader, 16) ^ near).bit_count() <= len(bits)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_a_group_is_named_by_its_leader(hashes: list[int]) -> None:
    leaders = Leaders([])
    found = [leaders.group_of(f"{value:016x}") for value in hashes]
    assert [leaders.group_of(leader) for leader in found] == found
    assert [Leaders(found).group_of(leader) for leader in found] == found

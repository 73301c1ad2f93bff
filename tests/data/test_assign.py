"""Assign ids, groups and splits: examples never move between splits."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.data import Split, split_of
from retread.data.assign import Base, assign_splits
from retread.data.example_ids import PreviousExample, assign_ids
from retread.data.near_duplicates import NearDuplicateIndex
from retread.data.source import SourceExamples
from retread.data.split_plan import SplitMethod, SplitPlan
from retread.project.settings import DataSection

from .conftest import START, examples

SHARES = {"evaluation_share": 0.2, "validation_share": 0.15}
BY_GROUP = SplitPlan(method=SplitMethod.RANDOM, reason="Near-duplicates stay together.")
CONTENTS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=40)


def test_splits_have_about_the_requested_shares() -> None:
    found = Counter(split_of(f"group {i}", **SHARES) for i in range(20_000))
    assert abs(found[Split.EVALUATION] / 20_000 - 0.20) < 0.01
    assert abs(found[Split.VALIDATION] / 20_000 - 0.15) < 0.01


@given(first=CONTENTS, later=st.lists(CONTENTS, max_size=3), append=st.booleans())
def test_an_example_keeps_id_group_and_split_as_a_dataset_grows(
    first: list[tuple[int, str]], later: list[list[tuple[int, str]]], append: bool
) -> None:
    settings = DataSection()
    started = assign_splits(examples(first), Base(BY_GROUP), settings, START)
    keys, plan = started.keys, started.plan
    held = list(first)
    for more in later:
        held += more
        source: SourceExamples = examples(more if append else held)
        retained = frozenset(keys["_id"].to_pylist() if append else ())
        grown = assign_splits(source, Base(plan, keys, retained), settings, START).keys
        before = {row["_id"]: row for row in keys.to_pylist()}
        after = {row["_id"]: row for row in grown.to_pylist()}
        assert len(after) == grown.num_rows
        assert before.items() <= after.items()
        keys = grown


@given(rows=CONTENTS)
def test_the_same_source_changes_nothing(rows: list[tuple[int, str]]) -> None:
    keys = assign_splits(examples(rows), Base(BY_GROUP), DataSection(), START).keys
    for retained in (frozenset(), frozenset(keys["_id"].to_pylist())):
        again = assign_splits(examples(rows), Base(BY_GROUP, keys, retained), DataSection(), START)
        assert again.keys.equals(keys)
        assert again.rows.num_rows == 0


@given(rows=CONTENTS, more=CONTENTS, share=st.floats(0.05, 0.45), kept=st.integers(0, 40))
def test_near_duplicates_are_never_in_two_splits(
    rows: list[tuple[int, str]], more: list[tuple[int, str]], share: float, kept: int
) -> None:
    keys = assign_splits(examples(rows), Base(BY_GROUP), DataSection(), START).keys
    assert _has_one_split_per_group(keys)
    retained = frozenset(keys["_id"].to_pylist()[:kept])
    changed = DataSection(evaluation_share=share)
    grown = assign_splits(examples(more), Base(BY_GROUP, keys, retained), changed, START).keys
    assert _has_one_split_per_group(grown)
    assert retained <= set(grown["_id"].to_pylist())


def _has_one_split_per_group(keys: pa.Table) -> bool:
    splits_of_group: dict[str, set[str]] = {}
    for row in keys.to_pylist():
        splits_of_group.setdefault(row["_group"], set()).add(row["_split"])
    return all(len(splits) == 1 for splits in splits_of_group.values())


@pytest.mark.parametrize(
    ("retained", "id_"),
    [(False, "c" * 32), (True, "c" * 32 + "-1")],
    ids=["replaced", "retained"],
)
def test_a_relabelled_example_keeps_its_id_unless_it_is_retained(retained: bool, id_: str) -> None:
    previous = {"c" * 64: [PreviousExample("c" * 32, "good", retained)]}
    assert assign_ids(["c" * 64], ["bad"], previous) == [id_]


@given(rows=CONTENTS)
def test_ids_are_unique(rows: list[tuple[int, str]]) -> None:
    ids = assign_ids([f"{c:032}" for c, _ in rows], [label for _, label in rows], {})
    assert len(set(ids)) == len(ids)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.sets(st.integers(0, 63), max_size=4))
def test_hashes_that_differ_in_few_bits_share_a_leader(hashes: list[int], bits: set[int]) -> None:
    index = NearDuplicateIndex(f"{value:016x}" for value in hashes)
    for value in hashes:
        near = value
        for bit in bits:
            near ^= 1 << bit
        leader = index.group_of(f"{near:016x}")
        assert (int(leader, 16) ^ near).bit_count() <= len(bits)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_a_group_is_named_by_its_leader(hashes: list[int]) -> None:
    index = NearDuplicateIndex()
    found = [index.group_of(f"{value:016x}") for value in hashes]
    assert [index.group_of(leader) for leader in found] == found
    assert [NearDuplicateIndex(found).group_of(leader) for leader in found] == found

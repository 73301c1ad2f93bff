"""The contract of every DatasetStore."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import inf

import pyarrow as pa
import pytest
from msgspec import structs

from retread.core import Conflict, InvalidInput, NotFound
from retread.core.quarantine import VersionState
from retread.data import ID, LABEL, SPLIT, DatasetStore, Split, verify

from .conftest import OpenStore, table, version_of

ROWS = table({"r1": "a", "r2": "b", "r3": "a", "r4": "b"})


def test_an_empty_store_has_no_datasets(store: DatasetStore) -> None:
    assert store.datasets() == ()
    for method in (store.versions, store.version):
        with pytest.raises(NotFound, match="no dataset 'it'"):
            method("it")


def test_a_committed_version_is_read_back(store: DatasetStore) -> None:
    version = store.commit(version_of(ROWS), ROWS)
    assert store.datasets() == ("it",)
    assert store.versions("it") == (version,)
    assert store.version("it") == store.version("it", 1) == version
    assert store.read(version).equals(ROWS)
    assert verify(store, version) == 4


def test_a_second_store_sees_the_same(store: DatasetStore, open_store: OpenStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    assert open_store().versions("it") == store.versions("it")


def test_old_versions_do_not_change(store: DatasetStore) -> None:
    first = store.commit(version_of(ROWS), ROWS)
    changed = table({"r1": "b", "r3": "a", "r5": "b"})
    second = store.commit(version_of(changed, 2), changed)
    third = store.commit(version_of(ROWS, 3), ROWS)
    assert store.read(first).equals(ROWS)
    assert store.read(second).equals(changed)
    assert store.read(third).equals(ROWS)
    assert [v.number for v in store.versions("it")] == [1, 2, 3]
    for version in (first, second, third):
        verify(store, version)


def test_kept_rows_need_not_be_given_again(store: DatasetStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    new = table({"r3": "b", "r5": "a"})
    whole = table({"r1": "a", "r3": "b", "r5": "a"})
    second = store.commit(version_of(whole, 2), new.to_reader(), keep={"r1"})
    assert store.read(second).equals(whole)


def test_keeping_a_row_that_does_not_exist_is_a_conflict(store: DatasetStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    with pytest.raises(Conflict):
        store.commit(version_of(ROWS, 2), ROWS, keep={"unknown"})
    assert len(store.versions("it")) == 1


def test_rows_are_not_kept_with_rows_of_other_columns(store: DatasetStore) -> None:
    first = store.commit(version_of(ROWS), ROWS)
    other = table({"r5": "a"})
    other = other.set_column(0, ID, other[ID].cast(pa.large_string()))
    with pytest.raises(InvalidInput, match="do not have the same columns"):
        store.commit(version_of(ROWS, 2), other, keep={"r1"})
    assert store.versions("it") == (first,)
    assert store.read(store.commit(version_of(other, 2), other)).num_rows == 1


def test_an_earlier_version_can_be_built_on(store: DatasetStore) -> None:
    first = store.commit(version_of(ROWS), ROWS)
    bad = table({"r1": "b", "bad": "a"})
    second = store.commit(version_of(bad, 2, VersionState.QUARANTINED), bad)
    whole = table({"r1": "a", "r2": "b", "r5": "a"})
    third = store.commit(version_of(whole, 3), table({"r5": "a"}), keep={"r1", "r2"}, base=1)
    assert store.read(third).equals(whole)
    assert (store.read(first), store.read(second)) == (ROWS, bad)
    with pytest.raises(Conflict):
        store.commit(version_of(whole, 4), table({"r6": "a"}), keep={"bad"})
    with pytest.raises(NotFound):
        store.commit(version_of(whole, 4), whole, base=9)
    for version in store.versions("it"):
        verify(store, version)


def test_metadata_that_could_not_be_read_back_is_not_committed(store: DatasetStore) -> None:
    version = structs.replace(version_of(ROWS), profile={"x": {"sd": inf}})
    with pytest.raises(InvalidInput, match="it@1 cannot be stored"):
        store.commit(version, ROWS)
    assert store.datasets() == ()


def test_a_split_columns_and_ids_can_be_selected(store: DatasetStore) -> None:
    version = store.commit(version_of(ROWS), ROWS)
    train = store.read(version, Split.TRAIN, [LABEL, ID])
    assert train.column_names == [LABEL, ID]
    expected = [
        i
        for i, s in zip(ROWS[ID].to_pylist(), ROWS[SPLIT].to_pylist(), strict=True)
        if s == "train"
    ]
    assert train[ID].to_pylist() == expected
    assert store.read(version, ids=["r4", "r2"], columns=["x", ID])[ID].to_pylist() == ["r2", "r4"]
    assert store.read(version, ids=[]).num_rows == 0


@pytest.mark.parametrize("number", [1, 3])
def test_a_taken_or_skipped_number_is_a_conflict(store: DatasetStore, number: int) -> None:
    store.commit(version_of(ROWS), ROWS)
    with pytest.raises(Conflict):
        store.commit(version_of(ROWS, number), ROWS)
    assert len(store.versions("it")) == 1


def test_one_of_two_concurrent_commits_wins(store: DatasetStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    theirs = table({"r1": "a", "t": "b"})
    ours = table({"r1": "a", "r2": "b", "o": "b"})

    def rows_during_a_commit() -> Iterator[pa.RecordBatch]:
        yield from ours.to_batches()
        store.commit(version_of(theirs, 2), theirs)

    rows = pa.RecordBatchReader.from_batches(ours.schema, rows_during_a_commit())
    with pytest.raises(Conflict, match="it@2"):
        store.commit(version_of(ours, 2), rows)
    assert store.read(store.version("it", 2)).equals(theirs)
    third = store.commit(version_of(ours, 3), ours)
    assert store.read(third).equals(ours)
    for version in store.versions("it"):
        verify(store, version)


def test_one_of_two_concurrent_appends_wins(store: DatasetStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    theirs, ours = table({"t": "b"}), table({"o": "b"})
    keep = set(ROWS[ID].to_pylist())
    both = {
        i: table({**{k: "ab"[n % 2] for n, k in enumerate(sorted(keep))}, i: "b"}) for i in "to"
    }

    def rows_during_a_commit() -> Iterator[pa.RecordBatch]:
        yield from ours.to_batches()
        store.commit(version_of(both["t"], 2), theirs, keep)

    late = pa.RecordBatchReader.from_batches(ours.schema, rows_during_a_commit())
    with pytest.raises(Conflict):
        store.commit(version_of(both["o"], 2), late, keep)
    assert store.read(store.version("it", 2)).equals(both["t"])
    third = store.commit(version_of(both["o"], 3), ours, keep)
    assert store.read(third).equals(both["o"])


def test_one_of_two_concurrent_first_versions_wins(store: DatasetStore) -> None:
    def rows_during_a_commit() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        store.commit(version_of(ROWS), ROWS)

    with pytest.raises(Conflict):
        store.commit(
            version_of(ROWS), pa.RecordBatchReader.from_batches(ROWS.schema, rows_during_a_commit())
        )
    assert len(store.versions("it")) == 1
    verify(store, store.version("it"))


def test_a_failing_source_leaves_nothing(store: DatasetStore) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        raise InvalidInput("The source broke.")

    for _ in range(2):
        with pytest.raises(InvalidInput, match="The source broke"):
            store.commit(
                version_of(ROWS), pa.RecordBatchReader.from_batches(ROWS.schema, failing())
            )
        assert store.datasets() == ()
    store.commit(version_of(ROWS), ROWS)
    assert store.read(store.version("it")).equals(ROWS)


def test_columns_may_change_between_versions(store: DatasetStore) -> None:
    first = store.commit(version_of(ROWS), ROWS)
    wider = ROWS.append_column("sepal.length %", pa.array([1.0, 2.0, 3.0, 4.0]))
    second = store.commit(version_of(wider, 2), wider)
    assert store.read(first).equals(ROWS)
    assert store.read(second).equals(wider)
    assert store.read(second, columns=["sepal.length %"]).num_columns == 1


def test_quarantine_hides_a_version_until_it_is_released(store: DatasetStore) -> None:
    held = version_of(ROWS, state=VersionState.QUARANTINED)
    store.commit(held, ROWS)
    with pytest.raises(NotFound, match="quarantine"):
        store.version("it")
    assert store.version("it", 1).state is VersionState.QUARANTINED
    for _ in range(2):
        assert store.release("it", 1).state is VersionState.RELEASED
    assert store.version("it").state is VersionState.RELEASED
    assert store.version("it").digest == held.digest


def test_the_latest_version_is_the_latest_released(store: DatasetStore) -> None:
    store.commit(version_of(ROWS), ROWS)
    other = table({"r1": "a", "r2": "b"})
    store.commit(version_of(other, 2, VersionState.QUARANTINED), other)
    assert store.version("it").number == 1
    store.release("it", 2)
    assert store.version("it").number == 2


def test_unknown_versions_are_not_found(store: DatasetStore) -> None:
    version = store.commit(version_of(ROWS), ROWS)
    for method in (store.version, store.release):
        for number in (0, 2):
            with pytest.raises(NotFound, match="no version"):
                method("it", number)
    with pytest.raises(InvalidInput, match="dataset name"):
        store.versions("../it")
    del version


def test_garbage_collection_keeps_every_version(store: DatasetStore, open_store: OpenStore) -> None:
    for number in range(1, 5):
        rows = table({f"r{i}": "ab"[i % 2] for i in range(number, number + 4)})
        store.commit(version_of(rows, number), rows)
    store.collect_garbage("it", timedelta(0))
    # A new store reads the files; this one has a cache.
    again = open_store()
    assert len(again.versions("it")) == 4
    for version in again.versions("it"):
        verify(again, version)


@pytest.mark.slow
def test_many_small_versions_are_merged_and_all_readable(store: DatasetStore) -> None:
    labels = {"r0": "a"}
    for number in range(1, 41):
        labels[f"r{number}"] = "ab"[number % 2]
        labels.pop(f"r{number - 3}", None)
        rows = table(labels)
        version = store.commit(version_of(rows, number), rows)
        assert store.read(version).equals(rows)
    for version in store.versions("it"):
        verify(store, version)

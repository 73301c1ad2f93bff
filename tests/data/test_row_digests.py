"""Digests of rows, column by column: as good as those of a library, and stable."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.data import DatasetStore, verify
from retread.data.integrity import version_digest
from retread.data.row_digests import CONTENT, RowDigests, row_digests
from retread.data.splits import split_of, splits_of
from retread.data.store import DIGEST, TIMESTAMP
from retread.data.text_digests import text_digests, with_text_digests
from retread.data.text_order import is_sorted, repeated, take_rows, text_order

from .conftest import examples, table, version_of

TEXTS = st.lists(st.text(st.sampled_from("ab\0é\U0001f600"), max_size=12), max_size=40)
NUMBERS = st.none() | st.floats(allow_nan=False) | st.integers(-3, 3).map(float)
SHARES = {"evaluation_share": 0.2, "validation_share": 0.15}


def test_size_digests_do_not_depend_on_the_machine_or_the_version_of_a_library() -> None:
    rows = pa.table(
        {
            "x": pa.array([1.5, None, -0.0], pa.float64()),
            "t": pa.array(["a", "", None], pa.string()),
            "n": pa.array([0, 7, None], pa.int64()),
        }
    )
    assert row_digests(rows, ["x", "t", "n"]).to_pylist() == [
        "b718226736320c19ede0ab964e3dd01e",
        "c265d37916b9684cb06d87674b56f2c0",
        "690b6bf2b2390a16312e7bc7f2b045d2",
    ]


@pytest.mark.slow
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60, unique_by=repr))
def test_size_rows_of_different_numbers_have_different_digests(
    rows: list[tuple[float | None, float | None]],
) -> None:
    columns = [pa.array([row[i] for row in rows], pa.float64()) for i in (0, 1)]
    digests = row_digests(pa.table(columns, names=["x", "y"]), ["x", "y"])
    assert len(set(digests.to_pylist())) == len(rows)


def test_size_digests_differ_in_half_of_their_bits() -> None:
    values = np.arange(100_000, dtype=np.float64)
    rows = pa.table({"x": values, "y": np.zeros(100_000)})
    digests = row_digests(rows, ["x", "y"])
    assert pc.count_distinct(digests).as_py() == 100_000
    words = RowDigests(100_000, ["x", "y"])
    words.add(rows["x"])
    words.add(rows["y"])
    for word in words.words:
        assert len(np.unique(word)) == 100_000
        changed = np.bitwise_count(word[1:] ^ word[:-1])
        assert abs(changed.mean() - 32) < 0.1
    left, right = (word.astype(np.float64) for word in words.words)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


def test_size_a_digest_does_not_depend_on_chunks_or_other_rows() -> None:
    values = pa.array(["a", "b", "a", None, "c"] * 9_000, pa.string())
    parts = pa.chunked_array([values.slice(0, 7), values.slice(7, 30_000), values.slice(30_007)])
    whole = row_digests(pa.table({"x": values}), ["x"])
    assert row_digests(pa.table({"x": parts}), ["x"]).equals(whole)
    assert row_digests(pa.table({"x": values.slice(40_000)}), ["x"]).equals(whole.slice(40_000))


@pytest.mark.slow
@given(TEXTS, st.integers(0, 5))
def test_size_texts_are_sorted_as_bytes(texts: list[str], skipped: int) -> None:
    array = pa.array(texts, pa.string())[skipped:]
    left = texts[skipped:]
    order = text_order(array).tolist()
    assert order == sorted(range(len(left)), key=lambda i: left[i].encode())
    assert is_sorted(array) == (left == [left[i] for i in order])
    assert repeated(array).tolist() == [left.count(text) > 1 for text in left]
    rows = pa.table({"a": array, "b": pa.array(range(len(left)), pa.int64())})
    assert take_rows(rows, text_order(array)).to_pydict() == {
        "a": [left[i] for i in order],
        "b": order,
    }


@pytest.mark.slow
@given(st.lists(st.text(max_size=5) | st.integers(0, 2**128 - 1).map("{:032x}:content".format)))
def test_size_the_split_of_a_group_depends_on_its_name_alone(names: list[str]) -> None:
    found = splits_of(pa.array(names, pa.string()), {}, **SHARES).to_pylist()
    assert found == [split_of(name, **SHARES).value for name in names]


def test_size_groups_of_equal_rows_are_shared_out_by_their_digest() -> None:
    digests = RowDigests(40_000, ["x"])
    digests.add(pa.array(np.arange(40_000.0)))
    found = splits_of(digests.texts(CONTENT), {}, **SHARES)
    shares = {c["values"]: c["counts"] / 40_000 for c in pc.value_counts(found).to_pylist()}
    assert shares == pytest.approx(
        {"evaluation": 0.20, "validation": 0.15, "train": 0.65}, abs=0.01
    )


def test_size_a_version_of_before_still_verifies_and_its_rows_keep_their_digests(
    store: DatasetStore,
) -> None:
    rows = table({"r1": "a", "r2": "b", "r3": "a"}, values={"r1": 1.0, "r2": 2.5, "r3": -3.0})
    old = pa.array(text_digests(rows, ["x", TIMESTAMP]), pa.string())
    rows = rows.set_column(rows.column_names.index(DIGEST), DIGEST, old)
    version = store.commit(version_of(rows), rows)
    assert version.digest == version_digest(rows)
    assert verify(store, version) == 3
    found = with_text_digests(examples([(1, "a"), (2, "b")]), rows)
    assert found.rows[DIGEST][0] == old[0]
    assert with_text_digests(examples([(1, "a")]), None).rows == examples([(1, "a")]).rows

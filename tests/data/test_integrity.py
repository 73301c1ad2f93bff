"""Digests tell rows apart, and verification finds every changed byte."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import IntegrityBroken, canonical_json, digest_bytes
from retread.data import LanceDatasetStore, integrity, verify
from retread.data.integrity import version_digest
from retread.data.row_digests import row_digests
from retread.data.store import KEYS, LABEL, TIMESTAMP

from .conftest import Adds, Images, table, version_of

ROWS = table({"r1": "a", "r2": "b", "r3": "a", "r4": "b"})
TEXTS = st.none() | st.text(st.sampled_from("a\x00\x10\x1f\\"), max_size=3)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXT_ROWS = st.tuples(TEXTS, TEXTS)


@given(st.lists(TEXT_ROWS, min_size=2, max_size=20, unique=True))
def test_different_rows_have_different_digests(rows: list[tuple[str | None, str | None]]) -> None:
    names = ["x", "y"]
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in (0, 1)]
    digests = row_digests(pa.table(columns, names=names), names)
    assert len(set(digests.to_pylist())) == len(rows)


@pytest.mark.parametrize("position", [0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_a_changed_byte_of_an_image_dataset_is_found(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, position: float
) -> None:
    version = add(images(good=range(20), defective=range(100, 120)))
    _flip(next((tmp_path / "datasets" / "tires.lance" / "data").iterdir()), position)
    with pytest.raises(IntegrityBroken, match="tires@1"):
        verify(LanceDatasetStore(tmp_path / "datasets"), version)


def test_a_change_of_any_byte_of_a_small_table_is_found(
    lance: LanceDatasetStore, tmp_path: Path
) -> None:
    version = lance.commit(version_of(ROWS), ROWS)
    path = next((tmp_path / "datasets" / "it.lance" / "data").iterdir())
    whole = path.read_bytes()
    for i in range(0, len(whole), 7):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        with pytest.raises(IntegrityBroken):
            verify(lance, version)
    path.write_bytes(whole)
    verify(lance, version)


def test_a_missing_file_is_found(lance: LanceDatasetStore, tmp_path: Path) -> None:
    version = lance.commit(version_of(ROWS), ROWS)
    next((tmp_path / "datasets" / "it.lance" / "data").iterdir()).unlink()
    with pytest.raises(IntegrityBroken, match="missing"):
        verify(lance, version)
    with pytest.raises(IntegrityBroken, match="it@1"):
        lance.read(version)


def test_changed_metadata_is_found(lance: LanceDatasetStore, tmp_path: Path) -> None:
    lance.commit(version_of(ROWS), ROWS)
    root = tmp_path / "datasets" / "it.lance"
    changed = 0
    for path in [*(root / "_transactions").iterdir(), *(root / "_versions").glob("*.manifest")]:
        content = path.read_bytes()
        if b'"source":"here"' in content:
            path.write_bytes(content.replace(b'"source":"here"', b'"source":"hers"'))
            changed += 1
    assert changed
    with pytest.raises(IntegrityBroken):
        LanceDatasetStore(tmp_path / "datasets").versions("it")


def test_rows_that_do_not_match_the_digest_are_found(lance: LanceDatasetStore) -> None:
    other = table({"r1": "b", "r2": "b", "r3": "a", "r4": "b"})
    version = lance.commit(version_of(ROWS), other)
    with pytest.raises(IntegrityBroken, match="list of rows"):
        verify(lance, version)


def _flip(path: Path, position: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.text(max_size=4), NUMBERS, st.none() | st.integers(-5, 5)), max_size=9),
    st.integers(1, 4),
)
def test_size_a_version_digest_is_that_of_canonical_json(
    rows: list[tuple[str, float, int | None]], batch: int
) -> None:
    texts, numbers, times = ([row[i] for row in rows] for i in range(3))
    keys = {name: pa.array(texts, pa.string()) for name in KEYS}
    keys[LABEL] = pa.array(numbers, pa.float64())
    keys[TIMESTAMP] = pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    expected = [[t, n, t, t, t, i] for t, n, i in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integrity, "_ROWS_PER_BATCH", batch)
        assert version_digest(pa.table(keys)) == digest_bytes(canonical_json(expected))

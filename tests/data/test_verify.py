"""A changed byte is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from retread.core import IntegrityBroken
from retread.data import LanceDatasetStore, verify

from .conftest import Adds, Images, table, version_of

ROWS = table({"r1": "a", "r2": "b", "r3": "a", "r4": "b"})


@pytest.mark.parametrize("place", [0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_one_changed_byte_of_an_image_dataset(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, place: float
) -> None:
    version = add(images(good=range(20), defective=range(100, 120)))
    _flip(next((tmp_path / "datasets" / "tires.lance" / "data").iterdir()), place)
    with pytest.raises(IntegrityBroken, match="tires@1"):
        verify(LanceDatasetStore(tmp_path / "datasets"), version)


def test_every_byte_of_a_small_table(lance: LanceDatasetStore, tmp_path: Path) -> None:
    version = lance.commit(version_of(ROWS), ROWS)
    path = next((tmp_path / "datasets" / "it.lance" / "data").iterdir())
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IntegrityBroken):
            verify(lance, version)
    path.write_bytes(whole)
    verify(lance, version)


def test_a_missing_file(lance: LanceDatasetStore, tmp_path: Path) -> None:
    version = lance.commit(version_of(ROWS), ROWS)
    next((tmp_path / "datasets" / "it.lance" / "data").iterdir()).unlink()
    with pytest.raises(IntegrityBroken, match="missing"):
        verify(lance, version)
    with pytest.raises(IntegrityBroken, match="it@1"):
        lance.read(version)


def test_changed_metadata(lance: LanceDatasetStore, tmp_path: Path) -> None:
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


def test_rows_that_are_not_the_ones_of_the_digest(lance: LanceDatasetStore) -> None:
    other = table({"r1": "b", "r2": "b", "r3": "a", "r4": "b"})
    version = lance.commit(version_of(ROWS), other)
    with pytest.raises(IntegrityBroken, match="list of rows"):
        verify(lance, version)


def _flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(bytes(content))

"""Real photos are divided by tire, and each is sent once before the change."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retread.bundle import decode_image
from retread.core import InvalidInput
from retread.data import Split
from retread.data.splits import split_of
from retread.demos.tires import held_out_photos
from retread.demos.tires.drawn_photos import DrawnPhotos
from retread.demos.tires.held_out_photos import (
    TRAFFIC_SHARE,
    HeldOutPhotos,
    Photo,
    divide,
    read_photos,
)
from retread.demos.traffic import Sample

PHOTOS = 120


def photos_of(folder: Path, tires: int) -> Path:
    """PHOTOS drawn photos, as if of this many tires."""
    DrawnPhotos(seed=5, first=PHOTOS, baseline=0).write_dataset(folder)
    names = sorted(path.name for path in (folder / "photos").glob("*/*.jpg"))
    rows = [f"{name},tire{index % tires}" for index, name in enumerate(names)]
    (folder / "photos" / "manifest.csv").write_text("\n".join(["file,group", *rows]))
    return folder / "photos"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_of(tmp_path_factory.mktemp("photos"), PHOTOS // 2)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(0, 1000))
def test_no_group_is_on_both_sides(groups: list[int], seed: int) -> None:
    photos = [Photo(b"%d" % n, "good", str(group)) for n, group in enumerate(groups)]
    first, held = divide(photos, 0.3, np.random.default_rng(seed))
    assert {photo.group for photo in first}.isdisjoint(photo.group for photo in held)
    assert sorted(photo.content for photo in (*first, *held)) == sorted(p.content for p in photos)
    assert len(held) <= 0.3 * len(photos)


def test_first_photos_are_written_and_others_sent_once_before_the_change(
    photos: Path, tmp_path: Path
) -> None:
    source = HeldOutPhotos(photos, seed=0)
    source.write_dataset(tmp_path)
    written = {path.read_bytes() for path in (tmp_path / "photos").glob("*/*.jpg")}
    baseline = [sample.payload for sample in source.baseline()]
    assert len(written) == PHOTOS - int(TRAFFIC_SHARE * PHOTOS) // 2 * 2
    assert len(baseline) == len(set(baseline))
    assert written.isdisjoint(p for p in baseline if isinstance(p, bytes))


@pytest.mark.parametrize("seed", range(5))
def test_held_out_tires_appear_nowhere_else(
    photos: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def spy(_: np.random.Generator, photo: Photo) -> Sample:
        shown.append(photo.group)
        return Sample(photo.content, photo.label)

    monkeypatch.setattr(held_out_photos, "changed", spy)
    source = HeldOutPhotos(photos, seed)
    source.write_dataset(tmp_path)
    tires = {photo.content: photo.group for photo in read_photos(photos)}
    first = {tires[path.read_bytes()] for path in (tmp_path / "photos").glob("*/*.jpg")}
    baseline = {tires[bytes(q.payload)] for q in source.baseline() if isinstance(q.payload, bytes)}
    list(islice(source.drifted(), 2 * PHOTOS))
    drifted = set(shown)
    shown.clear()
    list(islice(source.held_out(), PHOTOS))
    held_out = set(shown)
    assert len(held_out) >= 2
    assert held_out.isdisjoint(first | baseline | drifted)
    trained_on = {tire for tire in first if split(tire) is Split.TRAIN}
    assert drifted == baseline | trained_on
    assert trained_on < first


def split(tire: str) -> Split:
    return split_of(tire, evaluation_share=0.20, validation_share=0.15)


@pytest.mark.slow
def test_changed_photos_do_not_end_stay_readable_and_do_not_repeat(photos: Path) -> None:
    source = HeldOutPhotos(photos, seed=0)
    samples = [*islice(source.drifted(), 30), *islice(source.drifted(), 30)]
    for sample in samples:
        assert isinstance(sample.payload, bytes)
        decode_image(sample.payload, 64)
    assert len({sample.payload for sample in samples}) == 60
    assert {sample.label for sample in samples} == {"good", "defective"}


def test_without_a_manifest_what_looks_alike_stays_together(tmp_path: Path) -> None:
    DrawnPhotos(seed=5, first=20, baseline=0).write_dataset(tmp_path)
    for path in sorted((tmp_path / "photos").glob("*/*.jpg")):
        with Image.open(path) as picture:
            picture.save(path.with_name(f"again-{path.name}"), quality=60)
    groups = [photo.group for photo in read_photos(tmp_path / "photos")]
    assert len(groups) == 40
    assert len(set(groups)) <= 25


@pytest.mark.slow
@pytest.mark.parametrize("tires", [2, 6, 10])
def test_too_few_tires_are_refused(tmp_path: Path, tires: int) -> None:
    folder = photos_of(tmp_path, tires)
    with pytest.raises(InvalidInput, match=f"{PHOTOS} photos of {tires} tires") as refused:
        HeldOutPhotos(folder, seed=0)
    assert "more tires" in refused.value.hint


def test_other_labels_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    DrawnPhotos(seed=5, first=4, baseline=0).write_dataset(tmp_path)
    (tmp_path / "photos" / "good").rename(tmp_path / "photos" / "fine")
    with pytest.raises(InvalidInput, match="fine"):
        HeldOutPhotos(tmp_path / "photos", seed=0)

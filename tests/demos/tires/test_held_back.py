"""Real photos are held back by tire, and each comes once as quiet traffic."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.bundle import decode_image
from retread.core import InvalidInput
from retread.demos.tires.drawn import DrawnPhotos
from retread.demos.tires.held_back import HELD_BACK, HeldBackPhotos, Photo, divide


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    DrawnPhotos(seed=5, first=60, quiet=0).lay_out(folder)
    names = sorted(path.name for path in (folder / "photos").glob("*/*.jpg"))
    rows = [f"{name},tire{place // 2}" for place, name in enumerate(names)]
    (folder / "photos" / "manifest.csv").write_text("\n".join(["file,group", *rows]))
    return folder / "photos"


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(0, 1000))
def test_no_group_is_on_both_sides(groups: list[int], seed: int) -> None:
    photos = [Photo(b"%d" % n, "good", str(group)) for n, group in enumerate(groups)]
    first, held = divide(photos, 0.3, np.random.default_rng(seed))
    assert {photo.group for photo in first}.isdisjoint(photo.group for photo in held)
    assert sorted(photo.content for photo in (*first, *held)) == sorted(p.content for p in photos)
    assert len(held) <= 0.3 * len(photos)


def test_first_photos_are_laid_out_and_the_others_come_once(photos: Path, tmp_path: Path) -> None:
    supply = HeldBackPhotos(photos, seed=0)
    supply.lay_out(tmp_path)
    laid_out = {path.read_bytes() for path in (tmp_path / "photos").glob("*/*.jpg")}
    quiet = [question.payload for question in supply.quiet()]
    assert len(laid_out) + len(quiet) == 60
    assert len(quiet) == len(set(quiet)) == int(HELD_BACK * 60) // 2 * 2
    assert laid_out.isdisjoint(p for p in quiet if isinstance(p, bytes))


def test_changed_photos_do_not_end_and_stay_readable(photos: Path) -> None:
    questions = list(islice(HeldBackPhotos(photos, seed=0).drifted(), 30))
    for question in questions:
        assert isinstance(question.payload, bytes)
        decode_image(question.payload, 64)
    assert {question.truth for question in questions} == {"good", "defective"}


def test_other_labels_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    DrawnPhotos(seed=5, first=4, quiet=0).lay_out(tmp_path)
    (tmp_path / "photos" / "good").rename(tmp_path / "photos" / "fine")
    with pytest.raises(InvalidInput, match="fine"):
        HeldBackPhotos(tmp_path / "photos", seed=0)

"""Real photos are held back by tire, and each comes once as quiet traffic."""

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
from retread.demos.question import Question
from retread.demos.tires import held_back
from retread.demos.tires.drawn import DrawnPhotos
from retread.demos.tires.held_back import HELD_BACK, HeldBackPhotos, Photo, divide, read_photos

PHOTOS = 120


def line_of(folder: Path, tires: int) -> Path:
    """PHOTOS drawn photos, as if of so many tires."""
    DrawnPhotos(seed=5, first=PHOTOS, quiet=0).lay_out(folder)
    names = sorted(path.name for path in (folder / "photos").glob("*/*.jpg"))
    rows = [f"{name},tire{place % tires}" for place, name in enumerate(names)]
    (folder / "photos" / "manifest.csv").write_text("\n".join(["file,group", *rows]))
    return folder / "photos"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return line_of(tmp_path_factory.mktemp("line"), PHOTOS // 2)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(0, 1000))
def test_no_group_is_on_both_sides(groups: list[int], seed: int) -> None:
    photos = [Photo(b"%d" % n, "good", str(group)) for n, group in enumerate(groups)]
    first, held = divide(photos, 0.3, np.random.default_rng(seed))
    assert {photo.group for photo in first}.isdisjoint(photo.group for photo in held)
    assert sorted(photo.content for photo in (*first, *held)) == sorted(p.content for p in photos)
    assert len(held) <= 0.3 * len(photos)


def test_first_photos_are_laid_out_and_quiet_ones_come_once(photos: Path, tmp_path: Path) -> None:
    supply = HeldBackPhotos(photos, seed=0)
    supply.lay_out(tmp_path)
    laid_out = {path.read_bytes() for path in (tmp_path / "photos").glob("*/*.jpg")}
    quiet = [question.payload for question in supply.quiet()]
    assert len(laid_out) == PHOTOS - int(HELD_BACK * PHOTOS) // 2 * 2
    assert len(quiet) == len(set(quiet))
    assert laid_out.isdisjoint(p for p in quiet if isinstance(p, bytes))


@pytest.mark.parametrize("seed", range(5))
def test_tires_that_judge_are_shown_nowhere_else(
    photos: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def seen(_: np.random.Generator, photo: Photo) -> Question:
        shown.append(photo.group)
        return Question(photo.content, photo.label)

    monkeypatch.setattr(held_back, "changed", seen)
    supply = HeldBackPhotos(photos, seed)
    supply.lay_out(tmp_path)
    tires = {photo.content: photo.group for photo in read_photos(photos)}
    first = {tires[path.read_bytes()] for path in (tmp_path / "photos").glob("*/*.jpg")}
    quiet = {tires[bytes(q.payload)] for q in supply.quiet() if isinstance(q.payload, bytes)}
    list(islice(supply.drifted(), 2 * PHOTOS))
    drifted = set(shown)
    shown.clear()
    list(islice(supply.fresh(), PHOTOS))
    fresh = set(shown)
    assert len(fresh) >= 2
    assert fresh.isdisjoint(first | quiet | drifted)
    trained_on = {tire for tire in first if split(tire) is Split.TRAIN}
    assert drifted == quiet | trained_on
    assert trained_on < first


def split(tire: str) -> Split:
    return split_of(tire, evaluation_share=0.20, validation_share=0.15)


def test_changed_photos_do_not_end_stay_readable_and_do_not_repeat(photos: Path) -> None:
    supply = HeldBackPhotos(photos, seed=0)
    questions = [*islice(supply.drifted(), 30), *islice(supply.drifted(), 30)]
    for question in questions:
        assert isinstance(question.payload, bytes)
        decode_image(question.payload, 64)
    assert len({question.payload for question in questions}) == 60
    assert {question.truth for question in questions} == {"good", "defective"}


def test_without_a_manifest_what_looks_alike_stays_together(tmp_path: Path) -> None:
    DrawnPhotos(seed=5, first=20, quiet=0).lay_out(tmp_path)
    for path in sorted((tmp_path / "photos").glob("*/*.jpg")):
        with Image.open(path) as picture:
            picture.save(path.with_name(f"again-{path.name}"), quality=60)
    groups = [photo.group for photo in read_photos(tmp_path / "photos")]
    assert len(groups) == 40
    assert len(set(groups)) <= 25


@pytest.mark.parametrize("tires", [2, 6, 10])
def test_too_few_tires_are_refused_instead_of_asking_about_none(tmp_path: Path, tires: int) -> None:
    folder = line_of(tmp_path, tires)
    with pytest.raises(InvalidInput, match=f"{PHOTOS} photos of {tires} tires") as refused:
        HeldBackPhotos(folder, seed=0)
    assert "more tires" in refused.value.hint


def test_other_labels_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    DrawnPhotos(seed=5, first=4, quiet=0).lay_out(tmp_path)
    (tmp_path / "photos" / "good").rename(tmp_path / "photos" / "fine")
    with pytest.raises(InvalidInput, match="fine"):
        HeldBackPhotos(tmp_path / "photos", seed=0)

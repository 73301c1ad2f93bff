"""Real photos, divided by tire: to train on, to send as traffic, and to compare models on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retread.core import InvalidInput
from retread.data import GROUP, LABEL, SourceRequest, Split, read_source
from retread.data.near_duplicates import NearDuplicateIndex
from retread.data.splits import split_of
from retread.demos.tires.camera import LAMP, WEBCAM, shoot
from retread.demos.tires.cracks import carve, crazing
from retread.demos.tires.drawn_photos import DEFECTIVE, GOOD
from retread.demos.traffic import Sample
from retread.project.settings import DataSection

TRAFFIC_SHARE = 0.15
"""Share of the photos that is not in the first dataset."""

HELD_OUT_SHARE = 0.5
"""Share of those that is sent only once there is a new model."""

MIN_PHOTOS = 5
"""Fewest photos in either part of the traffic."""

_SIZE = 256
_NEW_CRACKS = 0.25


@dataclass(frozen=True, slots=True)
class Photo:
    """A file, its label, and the tire (or the near-duplicates) it belongs to."""

    content: bytes
    label: str
    group: str


class HeldOutPhotos:
    """The photos of a folder with class folders or a label file, divided by group.

    One part is the first dataset, one the traffic before the change, and one is held out until
    there is a new model. After the change, tires of the first two parts appear again, except those
    in the validation and evaluation splits.

    Raises:
        InvalidInput: The groups cannot be divided so, or the labels have other names.
    """

    def __init__(self, source: Path, seed: int) -> None:
        photos = read_photos(source)
        self._rng = np.random.default_rng(seed)
        self._first, traffic = divide(photos, TRAFFIC_SHARE, self._rng)
        self._baseline, self._held_out = divide(traffic, HELD_OUT_SHARE, self._rng)
        trained_on = (photo for photo in self._first if _is_trained_on(photo))
        self._drifted = (*self._baseline, *trained_on)
        if min(len(self._baseline), len(self._held_out)) < MIN_PHOTOS:
            raise InvalidInput(
                f"Of {len(photos)} photos of {_tires(photos)} tires, too few can be used as "
                f"traffic: {len(self._baseline)} before the change, {len(self._held_out)} held "
                "out.",
                f"Each needs {MIN_PHOTOS}, photos of one tire stay together, and at most "
                f"{TRAFFIC_SHARE:.0%} are used as traffic: add photos of more tires.",
            )

    def write_dataset(self, project: Path) -> str:
        folder = project / "photos"
        rows = []
        for number, photo in enumerate(self._first):
            name = f"{number:05d}.jpg"
            (folder / photo.label).mkdir(parents=True, exist_ok=True)
            (folder / photo.label / name).write_bytes(photo.content)
            rows.append((f"{photo.label}/{name}", photo.group))
        with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "group"), *rows])
        return (
            f"{len(self._first)} photos of {_tires(self._first)} tires to train on. "
            f"{len(self._baseline)} of {_tires(self._baseline)} others will be the traffic, and "
            f"{len(self._held_out)} of {_tires(self._held_out)} more are held out until there is a "
            "new model."
        )

    def baseline(self) -> Iterator[Sample]:
        for photo in self._baseline:
            yield Sample(photo.content, photo.label)

    def drifted(self) -> Iterator[Sample]:
        return self._changed(self._drifted)

    def held_out(self) -> Iterator[Sample]:
        return self._changed(self._held_out)

    def _changed(self, photos: Sequence[Photo]) -> Iterator[Sample]:
        while True:
            for index in self._rng.permutation(len(photos)):
                yield changed(self._rng, photos[int(index)])


def read_photos(source: Path) -> tuple[Photo, ...]:
    """Read every photo that a dataset can be made from.

    Raises:
        InvalidInput: The labels have other names.
    """
    labels = "folder" if not (source / "labels.json").is_file() else "labels.json"
    found = read_source(SourceRequest(source=source, labels=labels, settings=DataSection()))
    names = set(found.rows[LABEL].to_pylist())
    if names != {GOOD, DEFECTIVE}:
        raise InvalidInput(
            f"{source} has the labels {', '.join(sorted(map(str, names)))}.",
            f"Name the two folders {GOOD} and {DEFECTIVE}.",
        )
    assert found.fetch is not None, "images come with a way to read them"
    contents = found.fetch(range(found.rows.num_rows))
    groups = found.rows[GROUP].to_pylist()
    index = NearDuplicateIndex()
    return tuple(
        Photo(content, label, group or index.group_of(near))
        for content, label, group, near in zip(
            contents, found.rows[LABEL].to_pylist(), groups, found.similarity_keys, strict=True
        )
    )


def divide(
    photos: Sequence[Photo], share: float, rng: np.random.Generator
) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Take whole groups, in random order, until they hold about `share` of the photos.

    Returns:
        The other photos, and the photos taken, in random order.
    """
    groups = sorted({photo.group for photo in photos})
    chosen: set[str] = set()
    count = 0
    for index in rng.permutation(len(groups)):
        size = sum(photo.group == groups[index] for photo in photos)
        if count + size <= share * len(photos):
            chosen.add(groups[index])
            count += size
    taken = [photo for photo in photos if photo.group in chosen]
    shuffled = tuple(taken[int(index)] for index in rng.permutation(len(taken)))
    return tuple(photo for photo in photos if photo.group not in chosen), shuffled


def changed(rng: np.random.Generator, photo: Photo) -> Sample:
    """Return the photo as taken by another camera in another light, sometimes with new cracks."""
    with Image.open(io.BytesIO(photo.content)) as picture:
        small = picture.convert("RGB").resize((_SIZE, _SIZE))
    scene = np.asarray(small, dtype=np.float32) / np.float32(255)
    label = photo.label
    if rng.random() < _NEW_CRACKS:
        depth = carve(rng, _SIZE, crazing) * np.float32(rng.uniform(0.6, 1.0))
        scene = (scene * (1 - 0.8 * depth[..., None])).astype(np.float32)
        label = DEFECTIVE
    return Sample(shoot(rng, scene, LAMP if rng.random() < 0.5 else WEBCAM), label)


def _is_trained_on(photo: Photo) -> bool:
    """Return whether the project assigns this photo to the training split."""
    data = DataSection()
    split = split_of(
        photo.group,
        evaluation_share=data.evaluation_share,
        validation_share=data.validation_share,
    )
    return split is Split.TRAIN


def _tires(photos: Sequence[Photo]) -> int:
    return len({photo.group for photo in photos})

"""Real photos: some groups are held back, and come later as traffic."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retread.core import InvalidInput
from retread.data import GROUP, LABEL, SourceRequest, Split
from retread.data.gather import gather
from retread.data.nearness import Leaders
from retread.data.splits import split_of
from retread.demos.question import Question
from retread.demos.tires.camera import BOARD, DUSK, shoot
from retread.demos.tires.cracks import carve, crazing
from retread.demos.tires.drawn import DEFECTIVE, GOOD
from retread.project.settings import DataSection

HELD_BACK = 0.15
"""Share of the photos that comes as traffic."""

LATER = 0.5
"""Share of those that nobody asks about before there is a new model."""

FEWEST = 5
"""Photos without which neither part of the traffic says anything."""

_SIZE = 256
_NEW_CRACKS = 0.25


@dataclass(frozen=True, slots=True)
class Photo:
    """A file, what it shows, and the tire (or the near-duplicates) it belongs to."""

    content: bytes
    label: str
    group: str


class HeldBackPhotos:
    """The photos of a folder with class folders or a label file, divided by group: to learn from
    at first, to come as quiet traffic, and to judge a new model by.

    After the change, tires that were learned from at first come again, beside the quiet ones; those
    that evaluate the first version do not. InvalidInput when the groups cannot be divided so.
    """

    def __init__(self, source: Path, seed: int) -> None:
        photos = read_photos(source)
        self._rng = np.random.default_rng(seed)
        self._first, held = divide(photos, HELD_BACK, self._rng)
        self._quiet, self._later = divide(held, LATER, self._rng)
        self._again = (*self._quiet, *(photo for photo in self._first if _is_trained_on(photo)))
        if min(len(self._quiet), len(self._later)) < FEWEST:
            raise InvalidInput(
                f"Of {len(photos)} photos of {_tires(photos)} tires, too few can be held back as "
                f"traffic: {len(self._quiet)} to begin with and {len(self._later)} to judge by.",
                f"Each needs {FEWEST}, all of one tire stay together, and at most {HELD_BACK:.0%} "
                "are held back: bring photos of more tires.",
            )

    def lay_out(self, project: Path) -> str:
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
            f"{len(self._first)} photos of {_tires(self._first)} tires to begin with. "
            f"{len(self._quiet)} of {_tires(self._quiet)} others are held back as traffic, and "
            f"{len(self._later)} of yet {_tires(self._later)} others until there is a new model."
        )

    def quiet(self) -> Iterator[Question]:
        for photo in self._quiet:
            yield Question(photo.content, photo.label)

    def drifted(self) -> Iterator[Question]:
        return self._changed(self._again)

    def fresh(self) -> Iterator[Question]:
        return self._changed(self._later)

    def _changed(self, photos: Sequence[Photo]) -> Iterator[Question]:
        while True:
            for place in self._rng.permutation(len(photos)):
                yield changed(self._rng, photos[int(place)])


def read_photos(source: Path) -> tuple[Photo, ...]:
    """Every photo that a dataset could be made of. InvalidInput for labels of other names."""
    labels = "folder" if not (source / "labels.json").is_file() else "labels.json"
    found = gather(SourceRequest(source=source, labels=labels, settings=DataSection()))
    names = set(found.rows[LABEL].to_pylist())
    if names != {GOOD, DEFECTIVE}:
        raise InvalidInput(
            f"{source} has the labels {', '.join(sorted(map(str, names)))}.",
            f"This demo tells {GOOD} from {DEFECTIVE}; name the two folders so.",
        )
    assert found.fetch is not None, "images come with a way to read them"
    contents = found.fetch(range(found.rows.num_rows))
    groups = found.rows[GROUP].to_pylist()
    leaders = Leaders(())
    return tuple(
        Photo(content, label, group or leaders.group_of(near))
        for content, label, group, near in zip(
            contents, found.rows[LABEL].to_pylist(), groups, found.nearness, strict=True
        )
    )


def divide(
    photos: Sequence[Photo], share: float, rng: np.random.Generator
) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Whole groups, in random order, until about `share` of the photos is held back (second);
    those in random order."""
    groups = sorted({photo.group for photo in photos})
    chosen: set[str] = set()
    count = 0
    for place in rng.permutation(len(groups)):
        size = sum(photo.group == groups[place] for photo in photos)
        if count + size <= share * len(photos):
            chosen.add(groups[place])
            count += size
    held = [photo for photo in photos if photo.group in chosen]
    mixed = tuple(held[int(place)] for place in rng.permutation(len(held)))
    return tuple(photo for photo in photos if photo.group not in chosen), mixed


def changed(rng: np.random.Generator, photo: Photo) -> Question:
    """The photo as another camera takes it in another light, sometimes with new cracks."""
    with Image.open(io.BytesIO(photo.content)) as picture:
        small = picture.convert("RGB").resize((_SIZE, _SIZE))
    scene = np.asarray(small, dtype=np.float32) / np.float32(255)
    label = photo.label
    if rng.random() < _NEW_CRACKS:
        depth = carve(rng, _SIZE, crazing) * np.float32(rng.uniform(0.6, 1.0))
        scene = (scene * (1 - 0.8 * depth[..., None])).astype(np.float32)
        label = DEFECTIVE
    return Question(shoot(rng, scene, DUSK if rng.random() < 0.5 else BOARD), label)


def _is_trained_on(photo: Photo) -> bool:
    """Whether the project puts this photo into the training split."""
    data = DataSection()
    split = split_of(
        photo.group,
        evaluation_share=data.evaluation_share,
        validation_share=data.validation_share,
    )
    return split is Split.TRAIN


def _tires(photos: Sequence[Photo]) -> int:
    return len({photo.group for photo in photos})

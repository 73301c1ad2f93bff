"""Choose how much the tires demo does, so that it ends in minutes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retread.demos.environment import Values
from retread.demos.tires.drawn_photos import before, draw

FIRST_MODEL_S = 90.0
WHOLE_DEMO_S = 240.0
"""How long a size may be estimated to take; the load of the machine may grow meanwhile."""

# What things take, in times that it takes to draw a photo of 64 pixels, as measured on two cores.
_TRAIN_IMAGE = 1.0
_TRAIN_OVERHEAD = 4000
_START_LOOP = 800
_REQUEST = 9
# Requests during training, canary and comparison, and the pauses between steps of the loop.
_LATE_REQUESTS = 150
_PAUSES_S = 25.0

_PHOTO_SIZE = 64
_IMAGE_SIZE = 48
_TRAIN_SHARE = 0.68
_MEASURE_S = 1.0
_MIN_PHOTOS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSize:
    """How many photos are used, and how long models are trained; the full size by default.

    Attributes:
        photos: Photos in the first dataset.
        photo_size: Pixels of their width and height.
        image_size: Pixels of the images that the model sees.
        baseline: Photos sent before the change.
        min_labelled: Labelled photos from traffic that the retraining waits for.
        window: Predictions in a window of the monitor.
    """

    photos: int = 1000
    photo_size: int = 128
    image_size: int = 64
    epochs: int = 14
    batch_size: int = 32
    learning_rate: float = 0.001
    baseline: int = 250
    min_labelled: int = 450
    window: int = 50

    @property
    def settings(self) -> Values:
        """The settings of a project of this size."""
        return {
            "recipe": {"image_size": self.image_size},
            "gate": {"threshold": 0.7},
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "learning_rate": self.learning_rate,
            },
            "monitoring": {"interval_s": 1.0, "window": self.window},
            "triggers": {
                "watch_source": False,
                "min_labelled": self.min_labelled,
                "label_wait_s": 300.0,
            },
        }

    def __str__(self) -> str:
        return f"{self.photos:,} photos, {self.image_size} pixels, {self.epochs} epochs"


FULL = DemoSize()
SMALL = DemoSize(
    photos=400,
    photo_size=64,
    image_size=48,
    epochs=10,
    batch_size=16,
    learning_rate=0.002,
    baseline=100,
    min_labelled=380,
    window=25,
)
SMALLEST = replace(SMALL, photos=320, epochs=8, baseline=75, min_labelled=320)
SIZES = (FULL, SMALL, SMALLEST)
"""From the largest to the smallest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedTime:
    """Seconds to the first model in production, and to the end of the demo."""

    first_model_s: float
    whole_s: float

    @property
    def is_short(self) -> bool:
        """Whether both are short enough to watch."""
        return self.first_model_s <= FIRST_MODEL_S and self.whole_s <= WHOLE_DEMO_S


def measure_photo_s() -> float:
    """Return the seconds that drawing a small photo takes, at the present load of the machine."""
    rng, photos, start = np.random.default_rng(0), 0, time.monotonic()
    while photos < _MIN_PHOTOS or time.monotonic() - start < _MEASURE_S:
        draw(rng, before(_PHOTO_SIZE), _PHOTO_SIZE)
        photos += 1
    return (time.monotonic() - start) / photos


def estimate(size: DemoSize, photo_s: float) -> EstimatedTime:
    """Estimate how long the demo takes where drawing a small photo takes `photo_s` seconds."""
    photo = (size.photo_size / _PHOTO_SIZE) ** 1.5
    first = size.photos * photo + _training(size, size.photos)
    requests = size.min_labelled + _LATE_REQUESTS
    after = _START_LOOP + requests * (_REQUEST + photo)
    after += _training(size, size.photos + size.min_labelled)
    return EstimatedTime(
        first_model_s=first * photo_s, whole_s=(first + after) * photo_s + _PAUSES_S
    )


def choose_size(photo_s: float, sizes: Sequence[DemoSize] = SIZES) -> DemoSize:
    """Return the largest size that is estimated to be short enough, or else the smallest.

    >>> choose_size(photo_s=0.001) is FULL, choose_size(photo_s=0.1) is SMALLEST
    (True, True)
    """
    short = (size for size in sizes if estimate(size, photo_s).is_short)
    return next(short, sizes[-1])


def explain_choice(size: DemoSize, photo_s: float) -> str:
    """Say which size was chosen, why, and how to get the full one."""
    takes = _minutes(estimate(size, photo_s).whole_s)
    chosen = (
        f"Size: {size}, about {takes} at the present load, in which drawing takes "
        f"{photo_s * 1e3:.0f} ms per photo."
    )
    if size is FULL:
        return f"{chosen} This is the full size."
    full = _minutes(estimate(FULL, photo_s).whole_s)
    return f"{chosen} Full size, with --full: {FULL}, about {full}."


def _training(size: DemoSize, photos: int) -> float:
    images = photos * _TRAIN_SHARE * size.epochs
    return _TRAIN_OVERHEAD + images * _TRAIN_IMAGE * (size.image_size / _IMAGE_SIZE) ** 2


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"

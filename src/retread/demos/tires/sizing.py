"""Choose how much the tires demo does, so that it ends in minutes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from retread.demos.environment import Values
from retread.demos.tires.calibration import BATCH_SIZE, IMAGE_SIZE, PHOTO_SIZE, MachineSpeed

FIRST_MODEL_S = 90.0
WHOLE_DEMO_S = 225.0
"""What a size may be estimated to take. The goals are 120 and 300 s; load changes meanwhile."""

_TRAIN_SHARE = 0.68
_STARTUPS_FIRST = 4.0
_STARTUPS_AFTER = 6.0
_REQUESTS_AFTER = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSize:
    """How many photos are used, and how long models are trained.

    Attributes:
        photos: Photos in the first dataset.
        photo_size: Pixels of their width and height.
        image_size: Pixels of the images that the model sees.
        baseline: Photos sent before the change.
        min_labelled: Labelled photos from traffic that the retraining waits for.
    """

    photos: int
    photo_size: int
    image_size: int
    epochs: int
    batch_size: int
    learning_rate: float
    baseline: int
    min_labelled: int
    window: int
    canary_requests: int

    @property
    def settings(self) -> Values:
        """The settings of a project of this size."""
        return {
            "recipe": {"image_size": self.image_size},
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "learning_rate": self.learning_rate,
            },
            "canary": {"min_requests": self.canary_requests},
            "monitoring": {"interval_s": 1.0, "window": self.window},
            "triggers": {
                "watch_source": False,
                "min_labelled": self.min_labelled,
                "label_wait_s": 300.0,
            },
        }

    def __str__(self) -> str:
        return f"{self.photos:,} photos, {self.image_size} pixels, {self.epochs} epochs"


FULL = DemoSize(
    photos=1000,
    photo_size=128,
    image_size=64,
    epochs=14,
    batch_size=32,
    learning_rate=0.001,
    baseline=250,
    min_labelled=450,
    window=50,
    canary_requests=50,
)
MEDIUM = DemoSize(
    photos=600,
    photo_size=64,
    image_size=64,
    epochs=12,
    batch_size=16,
    learning_rate=0.002,
    baseline=150,
    min_labelled=400,
    window=50,
    canary_requests=50,
)
SMALL = DemoSize(
    photos=400,
    photo_size=64,
    image_size=48,
    epochs=10,
    batch_size=16,
    learning_rate=0.002,
    baseline=100,
    min_labelled=320,
    window=25,
    canary_requests=30,
)
SIZES = (FULL, MEDIUM, SMALL)
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


def estimate(size: DemoSize, speed: MachineSpeed) -> EstimatedTime:
    """Estimate how long a demo takes, from what its parts take."""
    photo_s = speed.photo_s * size.photo_size / PHOTO_SIZE
    first = _training_s(size, size.photos, speed) + size.photos * photo_s
    first += _STARTUPS_FIRST * speed.startup_s
    requests = size.min_labelled + _REQUESTS_AFTER
    after = _training_s(size, size.photos + size.min_labelled, speed) + 3 * requests * photo_s
    after += _STARTUPS_AFTER * speed.startup_s
    return EstimatedTime(first_model_s=first, whole_s=first + after)


def choose_size(speed: MachineSpeed, sizes: Sequence[DemoSize] = SIZES) -> DemoSize:
    """Return the largest size that is estimated to be short enough, or else the smallest.

    >>> choose_size(MachineSpeed(startup_s=1.0, step_s=0.005, photo_s=0.004)) is FULL
    True
    >>> choose_size(MachineSpeed(startup_s=20.0, step_s=0.5, photo_s=0.03)) is SMALL
    True
    """
    short = (size for size in sizes if estimate(size, speed).is_short)
    return next(short, sizes[-1])


def explain_choice(size: DemoSize, speed: MachineSpeed) -> str:
    """Say in a sentence or two which size was chosen, why, and how to get the full one."""
    expected = _minutes(estimate(size, speed).whole_s)
    chosen = f"Size: {size}; about {expected}, as a training step takes {speed.step_s:.2f} s now."
    if size is FULL:
        return f"{chosen} This is the full size."
    full = _minutes(estimate(FULL, speed).whole_s)
    return f"{chosen} The full size ({FULL}) would take about {full}: --full."


def _training_s(size: DemoSize, photos: int, speed: MachineSpeed) -> float:
    images = ceil(photos * _TRAIN_SHARE) * size.epochs
    pixels = (size.image_size / IMAGE_SIZE) ** 2
    return images / BATCH_SIZE * pixels * speed.step_s


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return "a minute" if minutes == 1 else f"{minutes} minutes"

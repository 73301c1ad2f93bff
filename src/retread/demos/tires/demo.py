"""`retread demo tires`: an inspection line, from photos to a better model."""

from __future__ import annotations

from pathlib import Path

from retread.demos.environment import Values
from retread.demos.labelled_demo import DemoConfig, run_labelled_demo
from retread.demos.reporter import Reporter
from retread.demos.results import DemoResults
from retread.demos.tires.drawn_photos import DrawnPhotos
from retread.demos.tires.held_out_photos import HeldOutPhotos
from retread.demos.tires.sizing import (
    FULL,
    DemoSize,
    choose_size,
    explain_choice,
    measure_photo_s,
)

_CHANGE = "An evening lamp, a second camera, and cracks"

REAL: Values = {
    "monitoring": {"interval_s": 1.0, "window": 25},
    "triggers": {"watch_source": False, "min_labelled": 600, "label_wait_s": 300.0},
}
"""Settings for real photos. There are few: the labelled traffic has to show the gate, beside some
hundred photos of the first evaluation split, that the new model is better."""

CAVEAT = (
    "Traffic shows the tires of the first photos again and does not identify them, so a tire may "
    "end up in two splits of tires@2. This inflates the metrics of version 2. The last row is "
    "measured on tires that were in no dataset and no earlier traffic."
)


def run(
    folder: Path, data: Path | None, seed: int, reporter: Reporter, *, full: bool
) -> DemoResults:
    """Run the demo in a new project in `folder`, on drawn photos or on those in `data`.

    Args:
        folder: Where the project is made; new or empty.
        data: Photos in class folders; None draws photos.
        seed: The random seed.
        reporter: Where to report what happens.
        full: Run at full size, instead of one that suits the machine.
    """
    if data is not None:
        return run_on_photos(folder, data, seed, reporter)
    if full:
        return run_drawn(folder, seed, reporter, FULL)
    photo_s = measure_photo_s()
    size = choose_size(photo_s)
    reporter.report(explain_choice(size, photo_s))
    return run_drawn(folder, seed, reporter, size)


def run_drawn(folder: Path, seed: int, reporter: Reporter, size: DemoSize) -> DemoResults:
    """Run the demo on drawn photos, at one size."""
    config = DemoConfig(
        name="tires",
        things="photos",
        change=f"{_CHANGE} that are full of pale dust.",
        # Fewer than a window, so that there is no further alarm.
        after_retraining=min(40, size.window - 5),
        training_pause_s=1.5,
    )
    samples = DrawnPhotos(seed, size.photos, size.baseline, size.photo_size)
    return run_labelled_demo(folder, samples, size.settings, config, seed, reporter)


def run_on_photos(folder: Path, data: Path, seed: int, reporter: Reporter) -> DemoResults:
    """Run the demo on the photos in `data`."""
    config = DemoConfig(
        name="tires",
        things="photos",
        change=f"{_CHANGE} of a kind that the model has not seen.",
        after_retraining=20,
        training_pause_s=1.0,
        caveat=CAVEAT,
    )
    return run_labelled_demo(folder, HeldOutPhotos(data, seed), REAL, config, seed, reporter)

"""`retread demo tires`: the loop of an inspection line, from photos to a new model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retread.demos.play_acts import play_acts
from retread.demos.question import Supply
from retread.demos.script import Script
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.template import Values
from retread.demos.tires.drawn import DrawnPhotos
from retread.demos.tires.held_back import HeldBackPhotos

DRAWN: Values = {
    "recipe": {"image_size": 64},
    "gate": {"threshold": 0.7},
    "monitoring": {"interval_s": 1.0, "window": 50},
    "triggers": {"watch_source": False, "min_labelled": 450, "label_wait_s": 300.0},
}
"""For drawn photos: small pictures and few epochs, so that two trainings take two minutes."""

REAL: Values = {
    "monitoring": {"interval_s": 1.0, "window": 25},
    "triggers": {"watch_source": False, "min_labelled": 450, "label_wait_s": 300.0},
}


CAVEAT = (
    "Traffic shows tires of the first photos again, and does not say which: in the data made of "
    "it, a tire may lie on both sides of a split, which flatters a version's figures. The last row "
    "below is of tires that were in no data and no traffic before."
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many photos are drawn and how long is trained; a test plays with less."""

    first: int = 1000
    quiet: int = 250
    epochs: int = 14


def play(folder: Path, data: Path | None, seed: int, story: Story, sizes: Sizes) -> Summary:
    """Play the demo in the new `folder`; with `data`, on the photos there."""
    supply: Supply
    if data is None:
        supply = DrawnPhotos(seed, sizes.first, sizes.quiet)
        settings: Values = {**DRAWN, "training": {"epochs": sizes.epochs}}
    else:
        supply, settings = HeldBackPhotos(data, seed), REAL
    script = Script(
        demo="tires",
        things="photos",
        change="An evening lamp, a second camera, and cracks that nobody has seen before.",
        until_alarm=1500,
        # Fewer than a window: the next alarm is another story.
        afterwards=40 if data is None else 20,
        training_pause_s=0.5 if data is None else 1.0,
        retraining_s=900.0 if data is None else 2700.0,
        caveat="" if data is None else CAVEAT,
    )
    return play_acts(folder, supply, settings, script, seed, story)

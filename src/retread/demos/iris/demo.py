"""`retread demo iris`: features, a forest and boosting side by side, the better one selected.

The features are not a step that runs before training: they are the columns of the dataset
version, with their schema, profile and splits, and what a model makes of them is part of its own
graph, so that serving does the same.
"""

from __future__ import annotations

from pathlib import Path

from retread.demos.iris.flowers import Flowers
from retread.demos.play_acts import play_acts
from retread.demos.script import Script
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.template import Values

SETTINGS: Values = {
    "gate": {"threshold": 0.7},
    # The ruler turns most answers around: a model that has learned it is unlike the one before.
    "canary": {"max_disagreement": 0.9},
    "monitoring": {"interval_s": 0.5, "window": 15, "min_labels": 20},
    "triggers": {"min_labelled": 150, "label_wait_s": 120.0},
}

SCRIPT = Script(
    demo="iris",
    things="flowers",
    change="Somebody holds the ruler at its other end: petals seem 1.2 cm longer and wider.",
    until_alarm=1500,
    # Fewer than a window: the next alarm is another story.
    afterwards=10,
    training_pause_s=0.05,
    retraining_s=300.0,
    caveat=(
        "Traffic measures the same few flowers again and again, and does not say which: in the "
        "data made of it, a flower may lie on both sides of a split, which flatters a version's "
        "figures. The last row below is of flowers that were in no data and no traffic before."
    ),
)


def play(folder: Path, seed: int, story: Story) -> Summary:
    """Play the demo in the new `folder`."""
    return play_acts(folder, Flowers(seed), SETTINGS, SCRIPT, seed, story)

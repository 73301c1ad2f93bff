"""`retread demo iris`: features, a forest and boosting side by side, the better one selected."""

from __future__ import annotations

from pathlib import Path

from retread.demos.acts import Script
from retread.demos.iris.flowers import Flowers
from retread.demos.play_acts import play_acts
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.template import Values

SETTINGS: Values = {
    "gate": {"threshold": 0.7},
    "monitoring": {"interval_s": 0.5, "window": 25, "min_labels": 20},
    "triggers": {"min_labelled": 150, "label_wait_s": 120.0},
}

SCRIPT = Script(
    demo="iris",
    things="flowers",
    change="Somebody holds the ruler at its other end: petals seem 1.2 cm longer and wider.",
    until_alarm=1500,
    # Fewer than a window: the next alarm is another story.
    afterwards=20,
    training_pause_s=0.05,
    retraining_s=300.0,
)


def play(folder: Path, seed: int, story: Story) -> Summary:
    """Play the demo in the new `folder`."""
    return play_acts(folder, Flowers(seed), SETTINGS, SCRIPT, seed, story)

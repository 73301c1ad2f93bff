"""What is special about one demo with labels to tell apart."""

from __future__ import annotations

from dataclasses import dataclass

QUIET = "as at first"
CHANGED = "after the change"
FRESH = "changed, new to both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`things` are asked about, `change` is what happens to them.

    `until_alarm` and `afterwards` are numbers of questions; `training_pause_s` is left between
    questions while a training needs the processor, `retraining_s` the most that may take.
    `caveat` says what the figures of versions made of traffic do not show.
    """

    demo: str
    things: str
    change: str
    until_alarm: int
    afterwards: int
    label_delay: int = 20
    training_pause_s: float = 0.5
    retraining_s: float = 900.0
    caveat: str = ""

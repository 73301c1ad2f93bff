"""When a run stops, which epoch is kept, and whether it is good enough to leave a bundle."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from retread.project.settings import EarlyStoppingSection


@dataclass(frozen=True, slots=True)
class Progress:
    """What the epochs so far come to.

    `kept` is the epoch (from 1; 0: none yet) whose weights count; `met` says that it reached
    min_loss and min_accuracy. `best_loss`, `best_accuracy` and `counter` are those of the
    patience rule.
    """

    epoch: int = 0
    kept: int = 0
    kept_loss: float = math.inf
    kept_accuracy: float = 0.0
    met: bool = False
    best_loss: float = math.inf
    best_accuracy: float = 0.0
    counter: int = 0
    stop: bool = False


def observe(
    progress: Progress, settings: EarlyStoppingSection, loss: float, accuracy: float
) -> Progress:
    """Take in the validation loss and accuracy of the next epoch; a NaN loss counts as infinite.

    The rule, for each epoch: (1) loss <= min_loss and accuracy >= min_accuracy: stop, if `rule`
    is "seed"; (2) the first epoch sets the best; (3) loss > best - delta and accuracy <
    best + delta: one more without improvement, and stop at `patience`; (4) otherwise this is the
    new best. Whatever stops the run, the epoch kept is the one of the lowest loss, among those
    that reached the thresholds if any did.

    >>> first = observe(Progress(), EarlyStoppingSection(), 0.7, 0.5)
    >>> second = observe(first, EarlyStoppingSection(), 0.5, 0.9)
    >>> (first.met, second.met, second.kept, second.stop)
    (False, True, 2, False)
    """
    loss = math.inf if math.isnan(loss) else loss
    met = loss <= settings.min_loss and accuracy >= settings.min_accuracy
    progress = _keep(replace(progress, epoch=progress.epoch + 1), met, loss, accuracy)
    if met and settings.rule == "seed":
        return replace(progress, stop=True)
    if progress.epoch > 1 and _stalls(progress, settings.delta, loss, accuracy):
        counter = progress.counter + 1
        return replace(progress, counter=counter, stop=counter >= settings.patience)
    return replace(progress, best_loss=loss, best_accuracy=accuracy, counter=0)


def _keep(progress: Progress, met: bool, loss: float, accuracy: float) -> Progress:
    better = (not met, loss, -accuracy) < (
        not progress.met,
        progress.kept_loss,
        -progress.kept_accuracy,
    )
    if not better and progress.kept:
        return progress
    return replace(progress, kept=progress.epoch, kept_loss=loss, kept_accuracy=accuracy, met=met)


def _stalls(progress: Progress, delta: float, loss: float, accuracy: float) -> bool:
    return loss > progress.best_loss - delta and accuracy < progress.best_accuracy + delta

"""Early stopping: when a run stops, which epoch it keeps, and whether that one is good enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from retread.project.settings import EarlyStoppingSection, StoppingRule


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of early stopping after some epochs.

    Attributes:
        epoch: Number of epochs so far.
        kept: The epoch, from 1, whose weights are kept; None before the first.
        met: Whether the kept epoch reached min_loss and min_accuracy.
        best_loss: Loss that the patience rule compares with.
        best_accuracy: Accuracy that the patience rule compares with.
        counter: Epochs without improvement.
    """

    epoch: int = 0
    kept: int | None = None
    kept_loss: float = math.inf
    kept_accuracy: float = 0.0
    met: bool = False
    best_loss: float = math.inf
    best_accuracy: float = 0.0
    counter: int = 0
    stop: bool = False

    @property
    def is_best(self) -> bool:
        """Whether the latest epoch is the one that is kept."""
        return self.kept == self.epoch


def stopping_metrics(metrics: Mapping[str, float], *, regression: bool) -> tuple[float, float]:
    """Return the loss and the accuracy that early stopping watches.

    For regression the loss is the fraction of the target's variance that is left unexplained
    (1 - R2), so that one threshold fits every unit. Regression has no accuracy: it is 1.
    """
    if regression:
        return 1.0 - metrics.get("R2", -math.inf), 1.0
    return metrics.get("Loss", math.inf), metrics.get("Accuracy", 0.0)


def observe(
    progress: Progress, settings: EarlyStoppingSection, loss: float, accuracy: float
) -> Progress:
    """Update early stopping with the validation loss and accuracy of the next epoch.

    For each epoch: (1) if loss <= min_loss and accuracy >= min_accuracy, and the rule is
    first-good, stop; (2) the first epoch sets the best values; (3) if loss > best - delta and
    accuracy < best + delta, count one more epoch without improvement and stop at `patience`;
    (4) otherwise the epoch sets the best values. Whichever step stops the run, the epoch with the
    lowest loss is kept, chosen among those that reached the thresholds if there are any. A NaN
    loss counts as infinite.

    >>> first = observe(Progress(), EarlyStoppingSection(), 0.7, 0.5)
    >>> second = observe(first, EarlyStoppingSection(), 0.5, 0.9)
    >>> (first.met, second.met, second.kept, second.stop)
    (False, True, 2, False)
    """
    loss = math.inf if math.isnan(loss) else loss
    met = loss <= settings.min_loss and accuracy >= settings.min_accuracy
    progress = _keep(replace(progress, epoch=progress.epoch + 1), met, loss, accuracy)
    if met and settings.rule is StoppingRule.FIRST_GOOD:
        return replace(progress, stop=True)
    if progress.epoch > 1 and _stalls(progress, settings.delta, loss, accuracy):
        counter = progress.counter + 1
        return replace(progress, counter=counter, stop=counter >= settings.patience)
    return replace(progress, best_loss=loss, best_accuracy=accuracy, counter=0)


def shortfall(
    progress: Progress, settings: EarlyStoppingSection, *, regression: bool
) -> str | None:
    """Explain why the kept epoch misses the thresholds; None if it meets them."""
    if progress.met:
        return None
    loss = "fraction of variance unexplained (1 - R2)" if regression else "loss"
    parts = []
    if progress.kept_loss > settings.min_loss:
        parts.append(
            f"{loss} {progress.kept_loss:.3f} is above early_stopping.min_loss "
            f"{settings.min_loss:g}"
        )
    if progress.kept_accuracy < settings.min_accuracy:
        parts.append(
            f"accuracy {progress.kept_accuracy:.3f} is below early_stopping.min_accuracy "
            f"{settings.min_accuracy:g}"
        )
    return f"On validation, {' and '.join(parts)} (best epoch: {progress.kept})."


def stopped_note(epoch: int, epochs: int) -> str:
    """Say that a run was ended on request.

    >>> stopped_note(3, 10)
    'Stopped on request after epoch 3 of 10; the best of them is kept.'
    """
    return f"Stopped on request after epoch {epoch} of {epochs}; the best of them is kept."


def _keep(progress: Progress, met: bool, loss: float, accuracy: float) -> Progress:
    better = (not met, loss, -accuracy) < (
        not progress.met,
        progress.kept_loss,
        -progress.kept_accuracy,
    )
    if not better and progress.kept is not None:
        return progress
    return replace(progress, kept=progress.epoch, kept_loss=loss, kept_accuracy=accuracy, met=met)


def _stalls(progress: Progress, delta: float, loss: float, accuracy: float) -> bool:
    return loss > progress.best_loss - delta and accuracy < progress.best_accuracy + delta

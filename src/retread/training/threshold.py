"""What early stopping looks at in each kind of task, and how a miss is explained."""

from __future__ import annotations

import math
from collections.abc import Mapping

from retread.project.settings import EarlyStoppingSection
from retread.training.early_stopping import Progress


def judged(metrics: Mapping[str, float], *, regression: bool) -> tuple[float, float]:
    """Loss and accuracy as early stopping sees them.

    For regression the loss is the share of the target's variance that is left (1 - R2), so that
    one threshold fits every unit; there is no accuracy, and 1 stands for it.
    """
    if regression:
        return 1.0 - metrics.get("R2", -math.inf), 1.0
    return metrics.get("Loss", math.inf), metrics.get("Accuracy", 0.0)


def shortfall(progress: Progress, settings: EarlyStoppingSection, *, regression: bool) -> str:
    """Why the kept epoch does not meet the threshold; '' when it does."""
    if progress.met:
        return ""
    loss = "share of variance left (1 - R2)" if regression else "loss"
    parts = []
    if progress.kept_loss > settings.min_loss:
        parts.append(
            f"{loss} {progress.kept_loss:.3f} is over early_stopping.min_loss {settings.min_loss:g}"
        )
    if progress.kept_accuracy < settings.min_accuracy:
        parts.append(
            f"accuracy {progress.kept_accuracy:.3f} is under early_stopping.min_accuracy "
            f"{settings.min_accuracy:g}"
        )
    return f"On validation, {' and '.join(parts)} (epoch {progress.kept} is the best)."

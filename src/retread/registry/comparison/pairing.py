"""Whether two models were asked the same questions."""

from __future__ import annotations

import numpy as np

from retread.bundle import Evidence
from retread.core import short


def misaligned(candidate: Evidence, production: Evidence) -> str:
    """Why the rows of two evidences are not pairs; '' if they are."""
    if candidate.evaluation_digest != production.evaluation_digest:
        return (
            f"they come from different evaluation splits, "
            f"{short(candidate.evaluation_digest)} and {short(production.evaluation_digest)}"
        )
    if not np.array_equal(candidate.ids, production.ids):
        return f"they cover different examples, {len(candidate.ids)} and {len(production.ids)}"
    if len(np.unique(candidate.ids)) != len(candidate.ids):
        return "an example occurs twice"
    if not np.array_equal(candidate.truth, production.truth):
        return "they disagree about the true labels"
    if candidate.outputs.shape != production.outputs.shape:
        shapes = f"{candidate.outputs.shape} and {production.outputs.shape}"
        return f"their outputs have different shapes, {shapes}"
    return ""

"""Absolute errors of the fixed model and of the loop's, month by month."""

from __future__ import annotations

from datetime import datetime

from retread.demos.scores import Scores
from retread.demos.summary import Measured

FIXED = "fixed model"
LOOP = "with the loop"


class ErrorsByMonth:
    """Both models' absolute errors; a mean over a year is the mean of its months."""

    def __init__(self) -> None:
        self._fixed = Scores()
        self._loop = Scores()

    def add(self, at: datetime, truth: float, fixed: float, loop: float) -> None:
        month = f"{at:%Y-%m}"
        self._fixed.add(month, 0, abs(fixed - truth))
        self._loop.add(month, 0, abs(loop - truth))

    def months(self) -> tuple[str, ...]:
        return self._loop.kinds()

    def mean(self, months: tuple[str, ...]) -> tuple[float, float]:
        """Mean of the monthly means: fixed, loop."""
        fixed = [self._fixed.of(month, 0).mean for month in months]
        loop = [self._loop.of(month, 0).mean for month in months]
        return sum(fixed) / len(fixed), sum(loop) / len(loop)

    def rows(self) -> tuple[Measured, ...]:
        found = []
        for month in self.months():
            for who, scores in ((FIXED, self._fixed), (LOOP, self._loop)):
                score = scores.of(month, 0)
                found.append(Measured(traffic=month, who=who, mean=score.mean, answers=score.count))
        return tuple(found)

"""How well each version answered, as those who know the truth see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Score:
    """The sum of something over `count` answers."""

    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else float("nan")


class Scores:
    """Means by kind of traffic and model version.

    >>> scores = Scores()
    >>> scores.add("quiet", 1, 1.0); scores.add("quiet", 1, 0.0)
    >>> scores.of("quiet", 1)
    Score(total=1.0, count=2)
    """

    def __init__(self) -> None:
        self._scores: dict[tuple[str, int], Score] = {}

    def add(self, kind: str, version: int, value: float) -> None:
        score = self._scores.setdefault((kind, version), Score())
        score.total += value
        score.count += 1

    def of(self, kind: str, version: int) -> Score:
        return self._scores.get((kind, version), Score())

    def total(self, kind: str) -> int:
        """How many answers there were, of whatever version."""
        return sum(score.count for (of, _), score in self._scores.items() if of == kind)

    def kinds(self) -> tuple[str, ...]:
        """In the order in which they came."""
        return tuple(dict.fromkeys(kind for kind, _ in self._scores))

    def versions(self) -> tuple[int, ...]:
        return tuple(sorted({version for _, version in self._scores}))

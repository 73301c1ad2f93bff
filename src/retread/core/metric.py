"""Metrics: one name, its aliases and its direction, declared once."""

from __future__ import annotations

from dataclasses import dataclass

from retread.core.errors import UnknownOption


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of quality; `higher_is_better` is its direction."""

    name: str
    higher_is_better: bool
    aliases: tuple[str, ...] = ()

    def better(self, left: float, right: float) -> bool:
        """Whether `left` beats `right`; NaN beats nothing."""
        return left > right if self.higher_is_better else left < right

    def at_least(self, value: float, threshold: float) -> bool:
        """Whether `value` is as good as `threshold` or better."""
        return value >= threshold if self.higher_is_better else value <= threshold

    def gain(self, candidate: float, production: float) -> float:
        """How much better the candidate is; negative when it is worse."""
        return (candidate - production) * (1 if self.higher_is_better else -1)


METRICS: tuple[Metric, ...] = (
    Metric("Loss", higher_is_better=False),
    Metric("Accuracy", higher_is_better=True),
    Metric("Precision", higher_is_better=True),
    Metric("Recall", higher_is_better=True),
    Metric("F1", higher_is_better=True, aliases=("F1_Score",)),
    Metric("AUC", higher_is_better=True),
    Metric("MAE", higher_is_better=False),
    Metric("RMSE", higher_is_better=False),
    Metric("R2", higher_is_better=True),
)

_BY_NAME = {
    spelling.lower(): metric for metric in METRICS for spelling in (metric.name, *metric.aliases)
}


def metric_named(name: str) -> Metric:
    """Look a metric up by name or alias, whatever the case.

    >>> metric_named("f1_score").name
    'F1'
    """
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        raise UnknownOption("metric", name, (metric.name for metric in METRICS)) from None

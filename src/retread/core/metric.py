"""Metrics: names, aliases, directions, and how their values are printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retread.core.errors import UnknownOption


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of a model's quality.

    Attributes:
        name: Its name.
        higher_is_better: Its direction.
        aliases: Other spellings of its name.
        regression: Whether it is one of predicted numbers (True) or of classes (False); None if
            it is one of both.
    """

    name: str
    higher_is_better: bool
    aliases: tuple[str, ...] = ()
    regression: bool | None = None

    def better(self, left: float, right: float) -> bool:
        """Return whether `left` is better than `right`; NaN is never better."""
        return left > right if self.higher_is_better else left < right

    def at_least(self, value: float, threshold: float) -> bool:
        """Return whether `value` is as good as `threshold` or better."""
        return value >= threshold if self.higher_is_better else value <= threshold

    def gain(self, candidate: float, production: float) -> float:
        """Return how much better the candidate is; negative if it is worse."""
        return (candidate - production) * (1 if self.higher_is_better else -1)


METRICS: tuple[Metric, ...] = (
    Metric("Loss", higher_is_better=False),
    Metric("Accuracy", higher_is_better=True, regression=False),
    Metric("Precision", higher_is_better=True, regression=False),
    Metric("Recall", higher_is_better=True, regression=False),
    Metric("F1", higher_is_better=True, aliases=("F1_Score",), regression=False),
    Metric("AUC", higher_is_better=True, regression=False),
    Metric("MAE", higher_is_better=False, regression=True),
    Metric("RMSE", higher_is_better=False, regression=True),
    Metric("R2", higher_is_better=True, regression=True),
)

_LARGE = 10_000.0
"""From here on, four significant digits would need an exponent."""

_BY_NAME = {
    spelling.lower(): metric for metric in METRICS for spelling in (metric.name, *metric.aliases)
}


def metric_named(name: str) -> Metric:
    """Return the metric with a name or alias, ignoring case.

    Raises:
        UnknownOption: There is no such metric.

    >>> metric_named("f1_score").name
    'F1'
    """
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        raise UnknownOption("metric", name, (metric.name for metric in METRICS)) from None


def format_metric(value: float) -> str:
    """Format the value of a metric for people, with four significant digits.

    >>> format_metric(0.91234), format_metric(0.5), format_metric(123456.7)
    ('0.9123', '0.5', '123,457')
    """
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.4g}"


def format_metrics(metrics: Mapping[str, float], names: Iterable[str] | None = None) -> str:
    """Format metrics on one line.

    Args:
        metrics: Values by name.
        names: Which ones to show, and in which order; absent ones are left out. None shows all.

    >>> format_metrics({"Loss": 0.25, "Accuracy": 0.9}, names=["Accuracy", "F1"])
    'Accuracy 0.9'
    """
    shown = metrics if names is None else [name for name in names if name in metrics]
    return ", ".join(f"{name} {format_metric(metrics[name])}" for name in shown)

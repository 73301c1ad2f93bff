"""How dataset versions made of traffic name their source."""

from __future__ import annotations

_PREFIX = "traffic:"


def traffic_source(trigger: str) -> str:
    """The source of the rows that the retraining of `trigger` took from traffic.

    >>> traffic_source("trg_1")
    'traffic:trg_1'
    """
    return _PREFIX + trigger


def is_traffic(source: str) -> bool:
    return source.startswith(_PREFIX)

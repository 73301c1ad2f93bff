"""The source name of dataset versions that were made from traffic."""

from __future__ import annotations

_PREFIX = "traffic:"


def traffic_source(trigger: str) -> str:
    """Return the source name of rows that the retraining of a trigger collected from traffic.

    >>> traffic_source("trg_1")
    'traffic:trg_1'
    """
    return _PREFIX + trigger


def is_traffic(source: str) -> bool:
    """Return whether a source name denotes rows collected from traffic."""
    return source.startswith(_PREFIX)

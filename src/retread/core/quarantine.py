"""Whether a dataset version may be trained on: the one fact about data that the ledger records.

It is here because servers read the ledger, and must not load what reading data takes.
"""

from __future__ import annotations

from enum import StrEnum


class VersionState(StrEnum):
    """Whether a dataset version may be trained on."""

    QUARANTINED = "quarantined"
    RELEASED = "released"

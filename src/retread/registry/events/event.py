"""What every event of the ledger has in common."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Something that happened, in the past tense; its class name is its tag in the ledger."""

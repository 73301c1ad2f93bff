"""The last good slots on this machine's disk, for a start while the database is away."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from retread.core import write_atomically
from retread.registry.events import Slot
from retread.registry.state import SlotState


class LastGood(msgspec.Struct, frozen=True, kw_only=True):
    """Slots as they served, and the bundles that were loaded here without harm."""

    slots: dict[Slot, SlotState] = {}
    tried: tuple[str, ...] = ()


class LastGoodFile:
    """One file, shared by the servers of a project on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LastGood:
        """What was written last; nothing, where there is no readable file."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=LastGood)
        except (OSError, msgspec.DecodeError):
            return LastGood()

    def write(self, good: LastGood) -> None:
        """Best effort: a full disk does not stop serving."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.encode(good))

"""The last slots that worked, kept on this machine's disk for a start without the database."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from retread.core import write_atomically
from retread.registry.events import Slot
from retread.registry.state import SlotState


class LastKnownGood(msgspec.Struct, frozen=True, kw_only=True):
    """Slots as they were served, and the bundles that were loaded on this machine without harm."""

    slots: dict[Slot, SlotState] = {}
    tried: tuple[str, ...] = ()


class LastKnownGoodFile:
    """One file, shared by the servers of a project on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LastKnownGood:
        """Return what was written last; an empty value if there is no readable file."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=LastKnownGood)
        except (OSError, msgspec.DecodeError):
            return LastKnownGood()

    def write(self, good: LastKnownGood) -> None:
        """Write the file if possible: a full disk does not stop the server."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.encode(good))

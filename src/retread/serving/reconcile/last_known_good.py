"""The last slots that worked, kept on this machine's disk for a start without the database."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from retread.core import write_atomically
from retread.registry.events import Slot
from retread.registry.state import SlotState


@dataclass(frozen=True, slots=True)
class LastKnownGood:
    """Slots as they were served, and the bundles that were loaded on this machine without harm."""

    slots: Mapping[Slot, SlotState] = field(default_factory=dict)
    tried: tuple[str, ...] = ()


class _StoredSlot(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 0
    bundle: str = ""
    generation: int = msgspec.field(name="epoch")
    share: float = 1.0


class _StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    slots: dict[Slot, _StoredSlot] = {}
    tried: tuple[str, ...] = ()


class LastKnownGoodFile:
    """One file, shared by the servers of a project on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LastKnownGood:
        """Return what was written last; an empty value if there is no readable file."""
        try:
            stored = msgspec.json.decode(self._path.read_bytes(), type=_StoredFile)
        except (OSError, msgspec.DecodeError):
            return LastKnownGood()
        return LastKnownGood({slot: _state(s) for slot, s in stored.slots.items()}, stored.tried)

    def write(self, good: LastKnownGood) -> None:
        """Write the file if possible: a full disk does not stop the server."""
        slots = {slot: _stored(state) for slot, state in good.slots.items()}
        content = msgspec.json.encode(_StoredFile(slots=slots, tried=good.tried))
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, content)


def _stored(state: SlotState) -> _StoredSlot:
    if not state.bundle:
        return _StoredSlot(generation=state.generation)
    return _StoredSlot(
        version=state.version or 0,
        bundle=state.bundle,
        generation=state.generation,
        share=state.share,
    )


def _state(stored: _StoredSlot) -> SlotState:
    if not stored.bundle:
        return SlotState(generation=stored.generation)
    return SlotState(
        version=stored.version,
        bundle=stored.bundle,
        generation=stored.generation,
        share=stored.share,
    )

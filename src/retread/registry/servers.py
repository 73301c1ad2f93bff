"""Which servers are alive, and what each has applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from retread.registry.events import Slot

HEARTBEAT_S = 1.0
"""How often a server announces itself."""

LIVE_S = 5.0
"""A server that was not heard of for this long is dead."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The newest change of one slot that a server has dealt with.

    `generation` is the change's; `bundle` the digest that the slot answers with now ('' for none);
    `error` why the change could not be applied, '' if it was.
    """

    generation: int = msgspec.field(name="epoch")
    bundle: str
    error: str = ""


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A live server; `applied` by slot, `age_s` since it was last heard of."""

    server_id: str
    applied: dict[Slot, Applied]
    age_s: float


class ServerDirectory(Protocol):
    """Servers announce themselves; promoters read who is there."""

    def announce(self, server_id: str, applied: Mapping[Slot, Applied]) -> None:
        """Say that a server lives: about every HEARTBEAT_S, and on each change."""
        ...

    def live(self) -> tuple[ServerStatus, ...]:
        """Servers heard of within LIVE_S, by id."""
        ...

    def forget(self, server_id: str) -> None:
        """A server that ends says so; nothing happens if it is unknown."""
        ...

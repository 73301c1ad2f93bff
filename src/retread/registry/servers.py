"""Serving processes: which are alive, and how far each has followed the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from retread.core import Clock
from retread.registry.events import Slot

HEARTBEAT_S = 1.0
"""Interval at which a server announces itself."""

LIVE_S = 5.0
"""A server that has not announced itself for this long is considered dead."""

POLL_S = 0.02
"""Interval at which a promoter looks for acknowledgements."""

Wait = Callable[[float], None]
"""Sleeps for the given number of seconds."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The latest change of a slot that a server has processed.

    Attributes:
        generation: The generation of the change.
        bundle: The digest that the slot serves now, None if it serves none.
        error: The reason why the change could not be applied, None if it was.
    """

    generation: int = msgspec.field(name="epoch")
    bundle: str | None
    error: str | None = None


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A live server, the change it has applied per slot, and the age of its announcement."""

    server_id: str
    applied: dict[Slot, Applied]
    age_s: float


class ServerDirectory(Protocol):
    """Where servers announce themselves and promoters look for them."""

    def announce(self, server_id: str, applied: Mapping[Slot, Applied]) -> None:
        """Announce a live server: about every HEARTBEAT_S, and after each change."""
        ...

    def live(self) -> tuple[ServerStatus, ...]:
        """Return the servers that announced themselves within LIVE_S, ordered by id."""
        ...

    def forget(self, server_id: str) -> None:
        """Remove a server that shuts down; unknown ids are ignored."""
        ...


@dataclass(frozen=True, slots=True)
class SlotChange:
    """A change that servers have to apply; `bundle` is None for a slot that is cleared."""

    slot: Slot
    generation: int
    bundle: str | None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ids of the servers that applied a change and of those that have yet to.

    `failure` says why the change failed, None while it has not.
    """

    done: tuple[str, ...]
    pending: tuple[str, ...]
    failure: str | None = None


def acknowledgement(statuses: Iterable[ServerStatus], change: SlotChange) -> Acknowledgement:
    """Determine how far the servers have applied a change.

    Args:
        statuses: The live servers.
        change: The change to look for.
    """
    done: list[str] = []
    pending: list[str] = []
    failures: list[str] = []
    for status in statuses:
        applied = status.applied.get(change.slot)
        serving = applied.bundle if applied else None
        if change.bundle is None and serving is None:
            done.append(status.server_id)
        elif applied is None or applied.generation < change.generation:
            pending.append(status.server_id)
        elif applied.generation == change.generation and applied.error:
            failures.append(f"Server {status.server_id} could not load it: {applied.error}")
        elif applied.generation == change.generation and serving != change.bundle:
            failures.append(
                f"Server {status.server_id} serves bundle {serving or 'none'}, "
                f"not {change.bundle or 'none'}."
            )
        else:
            done.append(status.server_id)
    return Acknowledgement(tuple(done), tuple(pending), " ".join(failures) or None)


def await_servers(
    change: SlotChange,
    servers: ServerDirectory,
    clock: Clock,
    wait: Wait,
    timeout_s: float,
    superseded: Callable[[], bool],
) -> Acknowledgement:
    """Wait until all live servers have applied a change.

    A server that dies in the meantime is no longer waited for.

    Args:
        change: The change to wait for.
        servers: The directory in which servers acknowledge.
        clock: Measures the timeout.
        wait: Sleeps between two looks at the directory.
        timeout_s: After this many seconds the change counts as failed.
        superseded: Tells whether the change no longer matters, which ends the wait.
    """
    deadline = clock.monotonic() + timeout_s
    while True:
        answer = acknowledgement(servers.live(), change)
        if answer.failure or not answer.pending or superseded():
            return answer
        if clock.monotonic() >= deadline:
            late = f"Not acknowledged in time by: {', '.join(answer.pending)}."
            return Acknowledgement(answer.done, answer.pending, late)
        wait(POLL_S)

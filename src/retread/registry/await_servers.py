"""Waiting until every live server has applied a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retread.core import Clock
from retread.registry.acknowledge import Acknowledgement, acknowledgement
from retread.registry.events import Slot
from retread.registry.servers import ServerDirectory

POLL_S = 0.02

Wait = Callable[[float], None]
"""Sleeps for some seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """What servers have to apply; `bundle` is '' for a slot that is cleared."""

    slot: Slot
    generation: int
    bundle: str


def await_servers(
    change: Change,
    servers: ServerDirectory,
    clock: Clock,
    wait: Wait,
    timeout_s: float,
    superseded: Callable[[], bool],
) -> Acknowledgement:
    """Return when all applied it, one failed, `superseded` says so, or time is up (a failure).

    A server that dies meanwhile is no longer waited for.
    """
    deadline = clock.monotonic() + timeout_s
    while True:
        answer = acknowledgement(servers.live(), change.slot, change.generation, change.bundle)
        if answer.failure or not answer.pending or superseded():
            return answer
        if clock.monotonic() >= deadline:
            late = f"Not acknowledged in time by: {', '.join(answer.pending)}."
            return Acknowledgement(answer.done, answer.pending, late)
        wait(POLL_S)

"""Whether the live servers have applied a change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from retread.registry.events import Slot
from retread.registry.servers import Applied, ServerStatus


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Server ids that applied a change and that have yet to, and the failure if there is one."""

    done: tuple[str, ...]
    pending: tuple[str, ...]
    failure: str = ""


def acknowledgement(
    statuses: Iterable[ServerStatus], slot: Slot, generation: int, bundle: str
) -> Acknowledgement:
    """How far the servers are with `generation` of `slot`, which answers with `bundle` ('': empty)."""
    done: list[str] = []
    pending: list[str] = []
    failures: list[str] = []
    for status in statuses:
        applied = status.applied.get(slot, Applied(generation=0, bundle=""))
        is_empty_as_asked = not bundle and not applied.bundle
        if is_empty_as_asked:
            done.append(status.server_id)
        elif applied.generation < generation:
            pending.append(status.server_id)
        elif applied.generation == generation and applied.error:
            failures.append(f"Server {status.server_id} could not load it: {applied.error}")
        elif applied.generation == generation and applied.bundle != bundle:
            failures.append(
                f"Server {status.server_id} answers with bundle {applied.bundle or 'none'}, "
                f"not {bundle or 'none'}."
            )
        else:
            done.append(status.server_id)
    return Acknowledgement(tuple(done), tuple(pending), " ".join(failures))

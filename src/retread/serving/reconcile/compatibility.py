"""Whether two models can answer the same requests, and so can be compared."""

from __future__ import annotations

from retread.bundle import without_precision
from retread.core import IntegrityBroken, RetreadError
from retread.core.listed import listed
from retread.registry.events import Slot
from retread.serving.runtime import Runtime
from retread.serving.slots import SlotTable

COMPARED_SLOTS = (Slot.CANARY, Slot.SHADOW)
"""The slots that are compared with production."""

_HINT = "Promote it directly, or put it in staging."


def check_compatible(runtime: Runtime, production: Runtime) -> None:
    """Check that a model takes the inputs of production, reads them alike, and has its labels.

    Raises:
        IntegrityBroken: It does not.
    """
    ours, theirs = runtime.signature.inputs, production.signature.inputs
    if without_precision(ours) != without_precision(theirs):
        raise IntegrityBroken(f"Bundle {runtime.bundle} takes other inputs than production.", _HINT)
    odd = {(r.name, r.kind) for r in runtime.rules} ^ {(r.name, r.kind) for r in production.rules}
    if odd:
        # Both score rows that were read once, by the rules of one of them.
        raise IntegrityBroken(
            f"Bundle {runtime.bundle} reads other kinds of values than production in: "
            f"{listed(sorted({name for name, _ in odd}))}.",
            _HINT,
        )
    if runtime.labels != production.labels or runtime.output != production.output:
        raise IntegrityBroken(
            f"Bundle {runtime.bundle} has labels {list(runtime.labels)}, production "
            f"{list(production.labels)}.",
            _HINT,
        )


def incompatible_slots(table: SlotTable) -> dict[Slot, RetreadError]:
    """Return the slots that cannot be compared with production, each with the reason."""
    found: dict[Slot, RetreadError] = {}
    for slot in COMPARED_SLOTS:
        entry = table.entry(slot)
        if entry is not None and table.production is not None:
            try:
                check_compatible(entry.runtime, table.production.runtime)
            except RetreadError as error:
                found[slot] = error
    return found

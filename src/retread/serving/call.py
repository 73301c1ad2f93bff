"""One inference request on its way through the data plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retread.core import RetreadError
from retread.registry.events import Slot
from retread.serving.rows import Rows
from retread.serving.runtime import ModelResult
from retread.serving.slots import SlotEntry, SlotTable
from retread.serving.tensors import Tensor


class Call:
    """A request and, later, its result.

    A transport subclasses it, fills in what the client sent, hands it to the data plane, and
    implements `reply`, which the data plane calls once.

    Attributes:
        id: Request id.
        key: Routing key; None to route by the id.
        requested_slot: The slot that the client requested, if any.
        requested_version: The version that the client requested, if any.
        values: One row of numbers; either this, `tensors` or `images` is given.
        tensors: Tensors of the request.
        images: Image files of the request.
        status: HTTP status of the response, set by `reply`; 0 until then.
        skip_shadow: Whether no second model scores the call.
        at: Arrival by the wall clock, as Unix time in seconds.
        started_at: Arrival by the monotonic clock, in seconds.
        is_pending: Whether the data plane has admitted the call and not finished it.
        table: The slots at arrival.
        entry: Who answers.
        rows: What the model takes; None while the call is still image files.
        statistics: Image statistics by name, per row.
        result: The result that the client gets; None for a refusal.
        shadow_entry: Who scored the same rows for comparison.
        shadow_result: The result of that model.
    """

    __slots__ = (
        "at",
        "entry",
        "id",
        "images",
        "is_pending",
        "key",
        "requested_slot",
        "requested_version",
        "result",
        "rows",
        "shadow_entry",
        "shadow_result",
        "skip_shadow",
        "started_at",
        "statistics",
        "status",
        "table",
        "tensors",
        "values",
    )

    table: SlotTable
    entry: SlotEntry

    def __init__(self) -> None:
        self.id = ""
        self.key: str | None = None
        self.requested_slot: Slot | None = None
        self.requested_version: int | None = None
        self.values: Sequence[float] | None = None
        self.tensors: Mapping[str, Tensor] | None = None
        self.images: Sequence[bytes] = ()
        self.status = 0
        self.skip_shadow = False
        self.at = 0.0
        self.started_at = 0.0
        self.is_pending = False
        self.rows: Rows | None = None
        self.statistics: Sequence[dict[str, float]] = ()
        self.result: ModelResult | None = None
        self.shadow_entry: SlotEntry | None = None
        self.shadow_result: ModelResult | None = None

    def reply(self, error: RetreadError | None) -> None:
        """Respond with `error`, or with `result` if there is none, and set `status`."""
        raise NotImplementedError


def internal_error() -> RetreadError:
    """Make the refusal of a call that failed unexpectedly; the cause is to be logged, not sent."""
    return RetreadError("The server failed to process this request.", "See the server's log.")

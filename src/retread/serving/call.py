"""One inference request on its way through the data plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retread.core import InvalidInput, RetreadError
from retread.registry.events import Slot
from retread.serving.image_tensors import image_files
from retread.serving.rows import Rows
from retread.serving.runtime import NOT_FINITE, ModelResult, Runtime
from retread.serving.slots import SlotEntry, SlotTable
from retread.serving.tensors import Tensor, TooLarge


class Call:
    """A request and, later, its result.

    A transport subclasses it, fills in what the client sent, hands it to the data plane, and
    implements `reply`, which the data plane calls once.

    Attributes:
        id: Request id, made by the server: no two answers have the same.
        caller_id: The caller's own id of the request, which may occur again.
        key: Routing key; None to route by the caller's id, or else by the id.
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
        held_rows: Rows of the call that count in the data plane's row budget.
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
        "caller_id",
        "entry",
        "held_rows",
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
        self.caller_id: str | None = None
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
        self.held_rows = 0
        self.rows: Rows | None = None
        self.statistics: Sequence[dict[str, float]] = ()
        self.result: ModelResult | None = None
        self.shadow_entry: SlotEntry | None = None
        self.shadow_result: ModelResult | None = None

    @property
    def routing_key(self) -> str:
        """What decides between production and its canary."""
        return self.key or self.caller_id or self.id

    @property
    def is_abandoned(self) -> bool:
        """Whether the client is gone, so that work on the call would be for nobody."""
        return False

    def make_rows(self, runtime: Runtime, max_rows: int) -> None:
        """Make `rows` or `images` of the tensors, as the model takes them.

        Raises:
            InvalidInput: The model does not take such rows, or not so many.
        """
        tensors = self.tensors
        rows = max((t.shape[0] for t in (tensors or {}).values() if t.shape), default=0)
        if rows > max_rows:
            raise TooLarge(
                f"The request has {rows:,} rows, more than the allowed {max_rows:,}.",
                "Send fewer rows per request, or raise [serving] max_rows.",
            )
        if tensors is None:
            if not runtime.is_image:
                raise InvalidInput(
                    "The model takes tables, not images.", "Send application/json with V2 tensors."
                )
        elif runtime.is_image and (files := image_files(tensors)):
            self.images = files
        else:
            self.rows = runtime.read_rows(tensors)
        # Many times as large as the rows made of them.
        self.tensors = None

    def reply(self, error: RetreadError | None) -> None:
        """Respond with `error`, or with `result` if there is none, and set `status`."""
        raise NotImplementedError


class ClientGone(RetreadError):
    """The client closed the connection before the call was scored; nobody reads the response."""

    code = "client_gone"

    def __init__(self) -> None:
        super().__init__("The client closed the connection.")


class NoFiniteAnswer(RetreadError):
    """The model answers these rows with infinity or not-a-number; it would do so again."""

    code = "no_finite_answer"

    def __init__(self) -> None:
        super().__init__(
            "The model's answer to these rows is not a finite number.",
            "Look for extreme values in the request; if ordinary rows fail, roll the model back.",
        )


def without_frames(error: RetreadError) -> RetreadError:
    """Return a caught error as a value to keep, without its traceback and its cause.

    Their frames hold the request and its decoded image; where one of them has the error in a
    variable, all that would stay until the collector of cycles finds it, many requests later.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def internal_error() -> RetreadError:
    """Make the error of a call that failed unexpectedly; the cause is to be logged, not sent."""
    return RetreadError("The server failed to process this request.", "See the server's log.")


def no_answer(reason: str) -> RetreadError:
    """Make the error of a call that the model could not answer, by the reason in its result."""
    if reason == NOT_FINITE:
        return NoFiniteAnswer()
    return RetreadError(f"The model failed to predict: {reason}.", "See the server's log.")

"""What all connections of a server share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from retread.core import Unavailable
from retread.serving.dataplane import DataPlane
from retread.serving.http.connection_limit import ConnectionLimit, connections_allowed
from retread.serving.http.responses import ResponseTemplates
from retread.serving.http.same_origin import OriginGuard
from retread.serving.metrics import RecorderCounts, ServingSnapshot
from retread.serving.recording.recorder import Recorder
from retread.serving.request_id import RequestIds

_MAX_LARGEST_BODIES = 16
_MIN_BUDGET_BYTES = 16_000_000


class BodyBudget:
    """Limits the memory of the request bodies that have arrived and are not answered yet.

    Attributes:
        largest: Bytes that a single body may have.
        limit: Bytes that all bodies together may have: 16 of the largest.
        held: Bytes of all bodies at present.
    """

    __slots__ = ("held", "largest", "limit")

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.limit = max(_MIN_BUDGET_BYTES, _MAX_LARGEST_BODIES * largest)
        self.held = 0

    def exhausted(self) -> Unavailable:
        """Make the refusal of a body for which there is no memory now."""
        return Unavailable(
            f"Request bodies of {self.held:,} bytes are already waiting for a response.",
            "Try again soon.",
        )


class HalfClosed(Protocol):
    """A connection whose client has closed its side."""

    def check_client(self, now: float) -> None:
        """Close the connection if the client does not read any more."""
        ...


class ServerState:
    """The data plane, and what the HTTP side of a server needs besides.

    Attributes:
        plane: The data plane.
        model: Name of the model.
        bodies: Memory of the request bodies.
        guard: Which hosts and pages requests may be addressed to and come from.
        connections: The open connections.
        half_closed: Those whose client has closed its side and waits for an answer.
        ids: Makes request ids.
        templates: Makes responses.
        draining: Whether the server is shutting down.
        date: Value of the Date header, renewed by the server every second.
        time: Monotonic seconds, renewed by the server with each tick, ten times per second.
        infer_path: Path of the infer route without a version.
    """

    def __init__(
        self, plane: DataPlane, model: str, *, max_body: int, hosts: Sequence[str] = ()
    ) -> None:
        self.plane = plane
        self.model = model
        self.bodies = BodyBudget(max_body)
        self.guard = OriginGuard(hosts)
        self.connections = ConnectionLimit(connections_allowed())
        self.half_closed: set[HalfClosed] = set()
        self.ids = RequestIds()
        self.templates = ResponseTemplates(model)
        self.draining = False
        self.date = b""
        self.time = monotonic()
        self.infer_path = f"/v2/models/{model}/infer".encode()
        self._versioned = re.compile(
            rf"/v2/models/{re.escape(model)}/versions/([1-9][0-9]{{0,8}})/infer".encode()
        )

    @property
    def is_ready(self) -> bool:
        """Whether requests should come here: a model is in production and nothing shuts down."""
        return self.plane.slots.table.production is not None and not self.draining

    def version_in(self, path: bytes) -> int | None:
        """Return the version in the path of an infer route; None for any other path."""
        match = self._versioned.fullmatch(path)
        return int(match[1]) if match else None

    def snapshot(self, recorder: Recorder | None) -> ServingSnapshot:
        """Return the state as /metrics shows it."""
        records: RecorderCounts | None = None if recorder is None else recorder.counts
        return ServingSnapshot(
            pending=self.plane.pending,
            held_rows=self.plane.held_rows,
            held_bytes=self.bodies.held,
            connections=len(self.connections),
            is_ready=self.is_ready,
            versions={e.slot.value: e.version for e in self.plane.slots.table.entries},
            records=records,
        )

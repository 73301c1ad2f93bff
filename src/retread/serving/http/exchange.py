"""One infer request of one connection, from its headers to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from retread.core import InvalidInput, RetreadError
from retread.registry.events import Slot
from retread.serving.call import Call, Outcome
from retread.serving.http import v2
from retread.serving.http.front import Front
from retread.serving.http.problems import problem_response, status_of, unknown_type
from retread.serving.request_id import checked_request_id

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp")
LARGE_JSON = 65_536
"""Longer bodies are read in a thread, so that nobody waits for them."""

_JSON = b"application/json"


class Connection(Protocol):
    """Where an answer goes."""

    def finished(self) -> None:
        """An exchange of this connection has its `response`."""
        ...


class Exchange(Call):
    """A call that came in by HTTP; `response` is its answer in bytes, head and body; `size` the
    bytes of its body that count as held."""

    __slots__ = ("connection", "content_type", "front", "response", "size", "wanted")

    def __init__(self, connection: Connection | None, front: Front) -> None:
        super().__init__()
        self.connection = connection
        self.front = front
        self.size = 0
        self.content_type = _JSON
        self.wanted: Sequence[str] = ()
        self.response = b""

    def take_header(self, name: bytes, value: bytes) -> None:
        """Headers that mean something to the data plane; InvalidInput."""
        if name == b"content-type":
            self.content_type = value
        elif name == b"x-request-id":
            self.id = checked_request_id(value.decode("latin-1"))
        elif name == b"x-retread-key":
            self.key = value.decode("latin-1")[:256]
        elif name == b"x-retread-slot":
            self.wish = _slot(value.decode("latin-1"))

    def start(self, body: bytes) -> None:
        """Read the body and hand the call to the data plane."""
        if self.content_type == _JSON and (row := v2.row_of(body)) is not None:
            # The plainest request takes the shortest way.
            name, self.values = row
            self.id = name or self.id or self.front.ids.new()
            self.front.plane.submit(self)
        elif len(body) > LARGE_JSON and self.is_json:
            self.front.plane.submit_after(self, lambda: self.read(body))
        else:
            try:
                self.read(body)
            except RetreadError as error:
                self.front.plane.refuse(self, error)
            else:
                self.front.plane.submit(self)

    def read(self, body: bytes) -> None:
        """Understand the body by its Content-Type."""
        kind = _media_type(self.content_type)
        if self.is_json:
            self._read_json(body)
        elif kind in IMAGE_TYPES:
            self.images = [body]
            self._name("")
        else:
            known = f"application/json (V2 tensors) or one of: {', '.join(IMAGE_TYPES)}"
            raise unknown_type(kind, known)

    def reply(self, error: RetreadError | None) -> None:
        if error is None and self.outcome is not None:
            try:
                self.response = self._answer(self.outcome)
                self.status = 200
            except InvalidInput as wrong:  # outputs the model does not have
                error = wrong
        if error is not None:
            self.status = status_of(error)
            self.response = self.problem(error)
        self.front.bodies.held -= self.size
        self.size = 0
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.finished()

    @property
    def is_json(self) -> bool:
        kind = self.content_type
        return kind == _JSON or _media_type(kind) in ("application/json", "")

    def _read_json(self, body: bytes) -> None:
        request = v2.decode(body)
        self.tensors = request.tensors
        self.wanted = request.outputs
        self._name(request.id)

    def _name(self, name: str) -> None:
        """The id in the body goes before that of the header, and both before ours."""
        if name:
            self.id = checked_request_id(name)
        elif not self.id:
            self.id = self.front.ids.new()

    def _answer(self, outcome: Outcome) -> bytes:
        template = self.front.answers.template(outcome.entry)
        name = self.id.encode()
        if not self.wanted and len(outcome.main) == 1:
            body = template.single(name, outcome.main[0])
        else:
            template.check_outputs(self.wanted)
            body = template.full(name, outcome, self.wanted)
        return b"%bdate: %b\r\nx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            template.head,
            self.front.date,
            name,
            len(body),
            body,
        )

    def problem(self, error: RetreadError) -> bytes:
        """The answer that says what is wrong."""
        self.id = self.id or self.front.ids.new()
        headers = b"date: %b\r\nx-request-id: %b\r\n"
        return problem_response(error, headers % (self.front.date, self.id.encode()))


def _media_type(content_type: bytes) -> str:
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


def _slot(text: str) -> Slot:
    if text not in (Slot.PRODUCTION, Slot.STAGING):
        raise InvalidInput(
            f"X-Retread-Slot {text[:40]!r} cannot be asked for.", "Use production or staging."
        )
    return Slot(text)

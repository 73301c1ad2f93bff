"""One infer request of one connection, from its headers to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from retread.core import InvalidInput, RetreadError
from retread.registry.events import Slot
from retread.serving.call import Call, Outcome
from retread.serving.http import v2
from retread.serving.http.front import Front
from retread.serving.http.problems import HttpRefusal, problem_response, status_of
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
    """A call that came in by HTTP; `response` is its answer in bytes, head and body."""

    __slots__ = ("connection", "content_type", "front", "keep_alive", "response", "wanted")

    def __init__(self, connection: Connection | None, front: Front) -> None:
        super().__init__()
        self.connection = connection
        self.front = front
        self.keep_alive = True
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
        elif len(body) > LARGE_JSON and self._is_json:
            self.front.readers.run(
                self.front.plane.loop, lambda: self._prepared(body), self._submit
            )
        else:
            try:
                self.read(body)
            except RetreadError as error:
                self._submit(error)
            else:
                self.front.plane.submit(self)

    def read(self, body: bytes) -> None:
        """Understand the body by its Content-Type."""
        if self._is_json:
            self._read_json(body)
        elif _media_type(self.content_type) in IMAGE_TYPES:
            self.images = [body]
            self._name("")
        else:
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"The Content-Type {_media_type(self.content_type)[:80]!r} is not known here.",
                f"Use application/json (V2 tensors) or one of: {', '.join(IMAGE_TYPES)}.",
            )

    def reply(self, error: RetreadError | None) -> None:
        if error is None and self.outcome is not None:
            try:
                self.response = self._answer(self.outcome)
                self.status = 200
            except InvalidInput as wrong:  # outputs the model does not have
                error = wrong
        if error is not None:
            self.status = status_of(error)
            self.response = self._problem(error)
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.finished()

    @property
    def _is_json(self) -> bool:
        kind = self.content_type
        return kind == _JSON or _media_type(kind) in ("application/json", "")

    def _prepared(self, body: bytes) -> RetreadError | None:
        """Read and assemble in a thread."""
        try:
            self.read(body)
            self.front.plane.prepare(self)
        except RetreadError as error:
            return error
        except Exception as error:  # a thread's error would leave the client waiting
            return InvalidInput(f"The request cannot be read: {error}.")
        return None

    def _submit(self, error: RetreadError | None) -> None:
        if error is None:
            self.front.plane.submit(self)
        else:
            self.front.plane.refuse(self, error)

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
        return b"%bdate: %b\r\nx-request-id: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            template.head,
            self.front.date,
            name,
            len(body),
            self._closing(),
            body,
        )

    def _problem(self, error: RetreadError) -> bytes:
        self.id = self.id or self.front.ids.new()
        headers = b"date: %b\r\nx-request-id: %b\r\n%b"
        return problem_response(
            error, headers % (self.front.date, self.id.encode(), self._closing())
        )

    def _closing(self) -> bytes:
        if self.front.draining:
            self.keep_alive = False
        return b"" if self.keep_alive else b"connection: close\r\n"


def _media_type(content_type: bytes) -> str:
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


def _slot(text: str) -> Slot:
    if text not in (Slot.PRODUCTION, Slot.STAGING):
        raise InvalidInput(
            f"X-Retread-Slot {text[:40]!r} cannot be asked for.", "Use production or staging."
        )
    return Slot(text)

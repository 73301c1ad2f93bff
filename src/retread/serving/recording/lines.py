"""Answered calls as lines of a segment."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from retread.serving.call import Call
from retread.serving.recording.records import records_of
from retread.serving.recording.traffic_log import encode_line
from retread.serving.recording.unwritten import Unwritten
from retread.serving.slots import SlotEntry

_KEPT = 16

_encode = msgspec.json.Encoder().encode


def lines_of(call: Unwritten, payloads: Sequence[str]) -> bytes:
    """One line for each row of `call`; `payloads` are the digests of its images."""
    return b"".join([encode_line(record) for record in records_of(call, payloads)])


class PlainLines:
    """The same lines from templates, at a third of the cost, for the calls that are many.

    What stands for itself is left out: no paired answer, no error.
    """

    def __init__(self) -> None:
        self._templates: dict[int, bytes] = {}

    def plain(self, call: Call) -> bytes | None:
        """The line of one answered row of numbers; None for any other call."""
        outcome = call.outcome
        if (
            outcome is None
            or call.values is None
            or call.paired is not None
            or outcome.error
            or outcome.embedding is not None
            or call.status != 200
        ):
            return None
        entry = outcome.entry
        template = self._templates.get(entry.number) or self.template(entry)
        name = call.id.encode()
        return template % (
            name,
            _encode(call.at),
            _encode(call.key) if call.key else b'"%b"' % name,
            _encode(outcome.main[0]),
            _encode(outcome.milliseconds),
            _encode(dict(zip(entry.runtime.numeric, call.values, strict=True))),
        )

    def template(self, entry: SlotEntry) -> bytes:
        """Made anew; `plain` keeps it."""
        if len(self._templates) >= _KEPT:
            self._templates.clear()
        template = (
            b'{"id":"%%b","at":%%b,"key":%%b,"status":200,"answer":{"slot":"%b","version":%d,'
            b'"bundle":"%b","outputs":%%b,"latency_ms":%%b},"numeric":%%b}\n'
        ) % (entry.slot.value.encode(), entry.version, entry.runtime.bundle.encode())
        self._templates[entry.number] = template
        return template

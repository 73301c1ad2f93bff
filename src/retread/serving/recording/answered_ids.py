"""Which request ids were answered, looked up in the newest part of the traffic log."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from retread.serving.recording.traffic_log import segments_of
from retread.serving.request_id import is_own_id

_MOST_BYTES = 64_000_000
"""How much of the log is read for one lookup, newest lines first."""

_CHUNK = 262_144
"""How much of it is in memory at a time: lookups must not crowd out the server's memory."""

_ID = b'{"id":"'
_CALLER_ID = b'","caller_id":"'
_END_OF_CALLER_ID = b'","at":'

_encode = msgspec.json.Encoder().encode


class AnsweredIds:
    """Looks up request ids, of the server or of callers, in a log, whichever process answered."""

    def __init__(
        self, folder: Path, *, most_bytes: int = _MOST_BYTES, chunk_bytes: int = _CHUNK
    ) -> None:
        """Prepare a lookup.

        Args:
            folder: The folder of the traffic log.
            most_bytes: How much of the log is read for one lookup.
            chunk_bytes: How much is read at a time.
        """
        self._folder = folder
        self._most_bytes = most_bytes
        self._chunk_bytes = chunk_bytes

    def of(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that were answered lately."""
        wanted = {_encode(request_id)[1:-1]: request_id for request_id in ids}
        found: set[str] = set()
        budget = self._most_bytes
        for chunk in self._newest_first():
            for line in chunk.split(b"\n"):
                found.update(wanted[name] for name in _names_in(line) if name in wanted)
            budget -= len(chunk)
            if len(found) == len(wanted) or budget <= 0:
                break
        return found

    def _newest_first(self) -> Iterator[bytes]:
        """Yield whole lines, in chunks."""
        for path in self._paths():
            try:
                yield from _chunks_of(path, self._chunk_bytes)
            except FileNotFoundError:  # it has expired since the folder was listed
                continue

    def _paths(self) -> list[Path]:
        writers = [path for path in self._folder.glob("w[0-9]*") if path.is_dir()]
        paths = [segment.path for writer in writers for segment in segments_of(writer)]
        times: dict[Path, float] = {}
        for path in paths:
            try:
                times[path] = path.stat().st_mtime
            except FileNotFoundError:
                continue
        return sorted(times, key=times.__getitem__, reverse=True)


def _chunks_of(path: Path, size: int) -> Iterator[bytes]:
    """Yield the lines of a file from its end, as chunks of whole lines."""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        tail = b""
        while start > 0:
            end, start = start, max(0, start - size)
            file.seek(start)
            chunk = file.read(end - start) + tail
            tail = b""
            if start > 0:  # its first line began before it
                tail, _, chunk = chunk.partition(b"\n")
            if chunk:
                yield chunk


def _names_in(line: bytes) -> Iterator[bytes]:
    """Yield the id of a record and its caller's, as they stand in its line."""
    if not line.startswith(_ID):
        return
    end = line.find(b'"', len(_ID))
    yield line[len(_ID) : end]
    if line.startswith(_CALLER_ID, end):
        start = end + len(_CALLER_ID)
        name = line[start : line.find(_END_OF_CALLER_ID, start)]
        if not is_own_id(name.decode("latin-1")):  # it belongs to the answer that has it
            yield name

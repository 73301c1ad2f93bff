"""Which request ids were answered, looked up in the newest part of the traffic log."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from retread.serving.recording.traffic_log import segments_of
from retread.serving.request_id import is_own_id

_MOST_BYTES = 64_000_000
"""How much of the log is looked at, in whole segments, newest first."""

_CHUNK = 65_536
"""How much of it is in memory at a time: lookups must not crowd out the server's memory."""

_ID = b'{"id":"'
_CALLER_ID = b'","caller_id":"'
_END_OF_CALLER_ID = b'","at":'

_encode = msgspec.json.Encoder().encode


class AnsweredIds:
    """Looks up request ids, of the server or of callers, in a log, whichever process answered.

    Each line is read once: a lookup takes the time of what was written since the one before, so
    clients that ask for ids that nobody answered cost no more than others. Eight bytes an id are
    kept, its hash: that another id has the same is less likely than one in 10^13.
    """

    def __init__(
        self,
        folder: Path,
        *,
        flush: Callable[[], None] = lambda: None,
        most_bytes: int = _MOST_BYTES,
        chunk_bytes: int = _CHUNK,
    ) -> None:
        """Prepare a lookup.

        Args:
            folder: The folder of the traffic log.
            flush: Writes to the log what this process holds back.
            most_bytes: How much of the log is looked at.
            chunk_bytes: How much is read at a time.
        """
        self._folder = folder
        self._flush = flush
        self._most_bytes = most_bytes
        self._chunk_bytes = chunk_bytes
        self._segments: dict[Path, _SegmentIds] = {}
        self._lock = threading.Lock()

    def of(self, ids: Collection[str], *, flush: bool = False) -> set[str]:
        """Return those of the ids that were answered lately.

        Args:
            ids: The ids of requests.
            flush: Whether to have this process write first what it holds back.
        """
        if flush:
            self._flush()
        wanted = {hash(_encode(request_id)[1:-1]): request_id for request_id in ids}
        with self._lock:
            self._read_on()
            found: set[int] = set()
            for segment in self._segments.values():
                found |= segment.among(wanted)
        return {wanted[number] for number in found}

    def _read_on(self) -> None:
        """Read what was written since the last time, and forget what is too old."""
        segments: dict[Path, _SegmentIds] = {}
        room = self._most_bytes
        for path in self._newest_first():
            if room <= 0:
                break
            segment = self._segments.get(path) or _SegmentIds(path)
            try:
                room -= segment.read_on(self._chunk_bytes)
            except FileNotFoundError:  # it has expired since the folder was listed
                continue
            segments[path] = segment
        self._segments = segments

    def _newest_first(self) -> list[Path]:
        writers = [path for path in self._folder.glob("w[0-9]*") if path.is_dir()]
        paths = [segment.path for writer in writers for segment in segments_of(writer)]
        times: dict[Path, float] = {}
        for path in paths:
            try:
                times[path] = path.stat().st_mtime
            except FileNotFoundError:
                continue
        return sorted(times, key=times.__getitem__, reverse=True)


class _SegmentIds:
    """The hashes of all ids in one segment, up to a byte."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        self._hashes = array("q")

    def read_on(self, chunk_bytes: int) -> int:
        """Read the lines that have come, and return how many bytes were read in all."""
        with self._path.open("rb") as file:
            file.seek(self._end)
            begun = b""
            while chunk := file.read(chunk_bytes):
                *lines, begun = (begun + chunk).split(b"\n")
                self._hashes.extend(hash(name) for name in _names_in(lines))
                self._end += sum(map(len, lines)) + len(lines)
        return self._end

    def among(self, wanted: Collection[int]) -> set[int]:
        """Return those of the hashes that are here."""
        here = np.frombuffer(self._hashes, np.int64)
        return set(here[np.isin(here, list(wanted))].tolist())


def _names_in(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the ids of records and of their callers, as they stand in their lines."""
    for line in lines:
        if not line.startswith(_ID):
            continue
        end = line.find(b'"', len(_ID))
        yield line[len(_ID) : end]
        if line.startswith(_CALLER_ID, end):
            start = end + len(_CALLER_ID)
            name = line[start : line.find(_END_OF_CALLER_ID, start)]
            if name and not is_own_id(name.decode("latin-1")):  # that belongs to its own answer
                yield name

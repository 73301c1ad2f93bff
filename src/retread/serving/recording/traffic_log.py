"""Recorded traffic as files: segments of JSON lines, and payloads by their sha256."""

from __future__ import annotations

import heapq
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from retread.core import NotFound, digest_bytes
from retread.serving.record import PredictionRecord
from retread.serving.recording.segments import (
    Place,
    SegmentWriter,
    decode_line,
    decode_places,
    encode_places,
    read_records,
    segments_of,
)
from retread.serving.traffic import Cursor

_encoder = msgspec.json.Encoder()
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"[!-~]{1,160}")


class SegmentTrafficLog:
    """The traffic log below `folder`; any number of processes may append and read.

    Appending claims a series of segment files for this process; reading merges all series by
    the time of their records.
    """

    def __init__(self, folder: Path, *, rotate_bytes: int = 16_000_000) -> None:
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._writer: SegmentWriter | None = None
        self._lock = threading.Lock()

    def append(self, records: Sequence[PredictionRecord]) -> None:
        """Raises OSError when the disk does not take them; then none of them is there."""
        self.append_lines(b"".join(encode_line(record) for record in records))

    def append_lines(self, lines: bytes) -> None:
        """As `append`, for records that are lines of JSON already."""
        with self._lock:
            if self._writer is None:
                self._writer = SegmentWriter(self._folder, self._rotate_bytes)
            self._writer.write(lines)

    def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
        places = decode_places(after.segment)
        records: list[PredictionRecord] = []
        for record, writer, place in self._merged(places):
            if len(records) == limit:
                break
            records.append(record)
            places[writer] = place
        return tuple(records), Cursor(encode_places(places), after.offset + len(records))

    def find(self, request_id: str) -> PredictionRecord | None:
        if _ID.fullmatch(request_id) is None:
            return None
        needle = b'"id":' + _encoder.encode(request_id)
        for writer in self._writers():
            for segment in reversed(segments_of(writer)):
                record = _find_in(segment.path, needle, request_id)
                if record is not None:
                    return record
        return None

    def put_payload(self, content: bytes) -> str:
        digest = digest_bytes(content)
        path = self._payload_path(digest)
        try:
            os.utime(path)  # its age counts from the last request that sent it
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
            try:
                temporary.write_bytes(content)
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        return digest

    def payload(self, digest: str) -> bytes:
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound(f"{digest!r} is not the digest of a payload.")
        try:
            return self._payload_path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"The payload {digest} was not kept, or is past its age.") from None

    def expire(self, before: float) -> int:
        """Delete segments and payloads last written before a time; the number of files."""
        old = [
            *(s.path for writer in self._writers() for s in segments_of(writer)[:-1]),
            *(self._folder / "payloads").glob("*/*"),
        ]
        deleted = 0
        for path in old:
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                deleted += 1
        return deleted

    def close(self) -> None:
        """Give this process's series of segments back."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _merged(self, places: dict[str, Place]) -> Iterator[tuple[PredictionRecord, str, Place]]:
        streams = [_tagged(writer, places.get(writer.name, Place())) for writer in self._writers()]
        return heapq.merge(*streams, key=lambda item: item[0].at)

    def _writers(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("w[0-9]*") if path.is_dir())

    def _payload_path(self, digest: str) -> Path:
        digits = digest.removeprefix("sha256:")
        return self._folder / "payloads" / digits[:2] / digits


def encode_line(record: PredictionRecord) -> bytes:
    """A record as it stands in a segment."""
    return _encoder.encode(record) + b"\n"


def _tagged(writer: Path, start: Place) -> Iterator[tuple[PredictionRecord, str, Place]]:
    for record, place in read_records(writer, start):
        yield record, writer.name, place


def _find_in(path: Path, needle: bytes, request_id: str) -> PredictionRecord | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    found = content.find(needle)
    while found >= 0:
        start = content.rfind(b"\n", 0, found) + 1
        end = content.find(b"\n", found)
        record = decode_line(content[start:end]) if end >= 0 else None
        if record is not None and record.id == request_id:
            return record
        found = content.find(needle, found + 1)
    return None

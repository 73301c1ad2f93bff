"""Recorded traffic as files: segments of JSON lines, and images named by their SHA-256.

Each writer has a folder of its own with numbered segments, which are appended to and never changed.
"""

from __future__ import annotations

import heapq
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from retread.core import NotFound, digest_bytes, write_atomically
from retread.core.files import PRIVATE_FILE, FolderLock
from retread.serving.traffic import Cursor, PredictionRecord

_SEGMENT_DIGITS = 10
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"[!-~]{1,266}")
_ID_FIELDS = (b'"id":', b'"caller_id":')

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(PredictionRecord)


class SegmentPosition(NamedTuple):
    """A position in the segments of one writer: the number of a segment and a byte in it."""

    segment: int = 0
    byte: int = 0


class SegmentFile(NamedTuple):
    """One segment of one writer."""

    number: int
    path: Path


class SegmentTrafficLog:
    """The traffic log in `folder`; any number of processes may append and read.

    Appending claims a writer's folder for this process; reading merges all writers by the time of
    their records.
    """

    def __init__(self, folder: Path, *, rotate_bytes: int = 16_000_000) -> None:
        """Prepare a log.

        Args:
            folder: The folder; it is made when something is written.
            rotate_bytes: Size at which a new segment is begun.
        """
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._writer: SegmentWriter | None = None
        self._lock = threading.Lock()

    def append(self, records: Sequence[PredictionRecord]) -> None:
        """Add records; see TrafficLog.append."""
        self.append_lines(b"".join([encode_line(record) for record in records]))

    def append_lines(self, lines: bytes) -> None:
        """Add records that are lines of JSON already.

        Raises:
            OSError: They could not be written; none of them is in the log.
        """
        with self._lock:
            if self._writer is None:
                self._writer = SegmentWriter(self._folder, self._rotate_bytes)
            self._writer.write(lines)

    def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
        """Return at most `limit` records after a position, and the position after them."""
        positions = decode_positions(after.segment)
        records: list[PredictionRecord] = []
        for record, writer, position in self._merged(positions):
            if len(records) == limit:
                break
            records.append(record)
            positions[writer] = position
        return tuple(records), Cursor(encode_positions(positions), after.offset + len(records))

    def find(self, request_id: str) -> PredictionRecord | None:
        """Return the record of one request, by its own id or else its caller's.

        Of several answers to one caller's id, the last is returned. None stands for no record.
        """
        if _ID.fullmatch(request_id) is None:
            return None
        for field in _ID_FIELDS:
            for writer in self._writers():
                for segment in reversed(segments_of(writer)):
                    record = _find_in(segment.path, field, request_id)
                    if record is not None:
                        return record
        return None

    def put_payload(self, content: bytes) -> str:
        """Keep an image and return its digest; see TrafficLog.put_payload."""
        digest = digest_bytes(content)
        path = self._payload_path(digest)
        try:
            os.utime(path)  # its age counts from the last request that sent it
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, durable=False, private=True)
        return digest

    def payload(self, digest: str) -> bytes:
        """Return an image that was kept; see TrafficLog.payload."""
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound(f"{digest!r} is not the digest of an image.")
        try:
            return self._payload_path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"The image {digest} was not kept, or has expired.") from None

    def expire(self, before: float) -> int:
        """Delete what was last written before a time, except the newest segment of each writer.

        Args:
            before: The time, as Unix time in seconds.

        Returns:
            The number of deleted files.
        """
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
        """Release this process's folder, so that another writer may continue in it."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _merged(
        self, positions: dict[str, SegmentPosition]
    ) -> Iterator[tuple[PredictionRecord, str, SegmentPosition]]:
        streams = [
            _records_of(writer, positions.get(writer.name, SegmentPosition()))
            for writer in self._writers()
        ]
        return heapq.merge(*streams, key=lambda item: item[0].at)

    def _writers(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("w[0-9]*") if path.is_dir())

    def _payload_path(self, digest: str) -> Path:
        digits = digest.removeprefix("sha256:")
        return self._folder / "payloads" / digits[:2] / digits


class SegmentWriter:
    """Appends lines to the segments of the first writer's folder that no other process holds.

    The lock belongs to the process and ends with it, so the next writer continues the series of a
    killed one, in a new segment.
    """

    def __init__(self, root: Path, rotate_bytes: int) -> None:
        self._rotate_bytes = rotate_bytes
        self._folder, self._lock = _claim_folder(root)
        existing = segments_of(self._folder)
        self._number = existing[-1].number if existing else 0
        self._descriptor: int | None = None
        self._size = 0

    def write(self, lines: bytes) -> None:
        """Append whole lines; what a failed write leaves behind is removed.

        Raises:
            OSError: The lines could not be written.
        """
        descriptor = self._descriptor
        if descriptor is None or self._size >= self._rotate_bytes:
            descriptor = self._rotate()
        try:
            written = os.write(descriptor, lines)
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        self._size += len(lines)

    def close(self) -> None:
        """Close the segment and release the folder."""
        self._close_segment()
        self._lock.release()

    def _rotate(self) -> int:
        self._close_segment()
        self._number += 1
        path = self._folder / f"{self._number:0{_SEGMENT_DIGITS}}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL
        self._descriptor = os.open(path, flags, PRIVATE_FILE)
        self._size = 0
        return self._descriptor

    def _close_segment(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def encode_line(record: PredictionRecord) -> bytes:
    """Return a record as a line of a segment."""
    return _encoder.encode(record) + b"\n"


def decode_line(line: bytes) -> PredictionRecord | None:
    """Return the record of a line; None if the line is damaged."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None


def encode_positions(positions: dict[str, SegmentPosition]) -> str:
    """Return the positions in all writers' segments as text.

    >>> decode_positions(encode_positions({"w0": SegmentPosition(1, 20)}))["w0"]
    SegmentPosition(segment=1, byte=20)
    """
    return " ".join(f"{writer}/{p.segment}:{p.byte}" for writer, p in sorted(positions.items()))


def decode_positions(text: str) -> dict[str, SegmentPosition]:
    """Return the positions that `encode_positions` made text of."""
    positions = {}
    for word in text.split():
        writer, _, position = word.partition("/")
        segment, _, byte = position.partition(":")
        positions[writer] = SegmentPosition(int(segment), int(byte))
    return positions


def segments_of(writer: Path) -> list[SegmentFile]:
    """Return the segments in a writer's folder, oldest first."""
    paths = sorted(writer.glob("*.jsonl"))
    return [SegmentFile(int(path.stem), path) for path in paths if path.stem.isdigit()]


def _records_of(
    writer: Path, start: SegmentPosition
) -> Iterator[tuple[PredictionRecord, str, SegmentPosition]]:
    """Yield the records of one writer after a position, each with the position after it.

    A last line without its end is not complete yet; a damaged line is skipped.
    """
    for segment in segments_of(writer):
        if segment.number < start.segment:
            continue
        byte = start.byte if segment.number == start.segment else 0
        try:
            file = segment.path.open("rb")
        except FileNotFoundError:  # it has expired since the folder was listed
            continue
        with file:
            for record, end in _read_lines(file, byte):
                yield record, writer.name, SegmentPosition(segment.number, end)


def _read_lines(file: BinaryIO, byte: int) -> Iterator[tuple[PredictionRecord, int]]:
    file.seek(byte)
    for line in file:
        if not line.endswith(b"\n"):
            return
        byte += len(line)
        record = decode_line(line)
        if record is not None:
            yield record, byte


def _find_in(path: Path, field: bytes, request_id: str) -> PredictionRecord | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    needle = field + _encoder.encode(request_id)
    found = content.rfind(needle)
    while found >= 0:
        start = content.rfind(b"\n", 0, found) + 1
        end = content.find(b"\n", found)
        record = decode_line(content[start:end]) if end >= 0 else None
        if record is not None and request_id in (record.id, record.caller_id):
            return record
        found = content.rfind(needle, 0, found)
    return None


def _claim_folder(root: Path) -> tuple[Path, FolderLock]:
    number = 0
    while True:
        folder = root / f"w{number}"
        try:
            return folder, FolderLock(folder, wait_s=0)
        except BlockingIOError:
            number += 1

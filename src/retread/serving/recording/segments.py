"""Segment files: JSON lines, one series for each writer, never changed once written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from retread.serving.record import PredictionRecord

_decoder = msgspec.json.Decoder(PredictionRecord)
_DIGITS = 10


class Place(NamedTuple):
    """Where a writer was read to: the number of a segment and a byte in it."""

    segment: int = 0
    byte: int = 0


def encode_places(places: dict[str, Place]) -> str:
    """
    >>> decode_places(encode_places({"w0": Place(1, 20), "w1": Place(2, 0)}))["w0"]
    Place(segment=1, byte=20)
    """
    return " ".join(f"{writer}/{p.segment}:{p.byte}" for writer, p in sorted(places.items()))


def decode_places(text: str) -> dict[str, Place]:
    places = {}
    for word in text.split():
        writer, _, position = word.partition("/")
        segment, _, byte = position.partition(":")
        places[writer] = Place(int(segment), int(byte))
    return places


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One file of one writer."""

    number: int
    path: Path


def segments_of(folder: Path) -> list[SegmentFile]:
    """The segments of one writer, oldest first."""
    paths = sorted(folder.glob("*.jsonl"))
    return [SegmentFile(int(path.stem), path) for path in paths if path.stem.isdigit()]


def read_records(folder: Path, start: Place) -> Iterator[tuple[PredictionRecord, Place]]:
    """Records of one writer after a place, each with the place after it.

    A last line without its end is not there yet; a line that cannot be read is passed over.
    """
    for segment in segments_of(folder):
        if segment.number < start.segment:
            continue
        byte = start.byte if segment.number == start.segment else 0
        try:
            file = segment.path.open("rb")
        except FileNotFoundError:  # it grew too old between the listing and now
            continue
        with file:
            yield from _lines(file, segment.number, byte)


def _lines(file: BinaryIO, number: int, byte: int) -> Iterator[tuple[PredictionRecord, Place]]:
    file.seek(byte)
    for line in file:
        if not line.endswith(b"\n"):
            return
        byte += len(line)
        record = decode_line(line)
        if record is not None:
            yield record, Place(number, byte)


def decode_line(line: bytes) -> PredictionRecord | None:
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None


class SegmentWriter:
    """Appends lines to the segments of the first writer's folder that nobody else holds.

    The lock belongs to the process and goes with it, so a killed writer's series is taken up by
    the next one, in a new segment.
    """

    def __init__(self, root: Path, rotate_bytes: int) -> None:
        self._rotate_bytes = rotate_bytes
        self._folder, self._lock = _claim(root)
        existing = segments_of(self._folder)
        self._number = existing[-1].number if existing else 0
        self._descriptor = -1
        self._size = 0

    def write(self, lines: bytes) -> None:
        """Append whole lines; what a failed write left behind is cut off or passed over."""
        if self._descriptor < 0 or self._size >= self._rotate_bytes:
            self._rotate()
        try:
            written = os.write(self._descriptor, lines)
            while written < len(lines):
                written += os.write(self._descriptor, lines[written:])
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(lines)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        os.close(self._lock)

    def _rotate(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._number += 1
        path = self._folder / f"{self._number:0{_DIGITS}}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL
        self._descriptor = os.open(path, flags, 0o644)
        self._size = 0


def _claim(root: Path) -> tuple[Path, int]:
    number = 0
    while True:
        folder = root / f"w{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            number += 1
        else:
            return folder, lock

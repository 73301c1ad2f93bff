"""How much work one image file may be to decode: bounds that its header and markers show.

A file of a few hundred kilobytes can ask for minutes of work, because a progressive JPEG may go
over all its pixels in every one of thousands of scans. So scans are counted before anything is
decoded, and the decoder's time is limited wherever it reads on.
"""

from __future__ import annotations

import io
import time

from retread.core import InvalidInput

MAX_PIXELS = 50_000_000
"""Pixels of one image."""

MAX_SCANS = 100
"""Scans of a JPEG; encoders make up to a dozen."""

MAX_SCANNED_PIXELS = 10 * MAX_PIXELS
"""Pixels times scans of a JPEG."""

MAX_DECODING_S = 10.0
"""CPU time that reading an image, or all images of a request, may take."""

HEADER_S = 0.05
"""CPU time that reading the header may take before the image counts as large."""

LARGE = 12_000_000
"""Work beyond which an image should not hold up others: see `work_of`."""

_BYTES_OF_A_PIXEL = 8
_WORK_OF_A_BYTE = 12
_FEW = 3
_SCAN = b"\xff\xda"
_MARKER, _START_OF_IMAGE, _START_OF_SCAN, _END_OF_IMAGE = b"\xff", b"\xff\xd8", 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])
_IN_SCAN = frozenset([0x00, *range(0xD0, 0xD8)])
"""What follows 0xFF inside the data of a scan: an escaped byte, or a restart."""


def scan_count(content: bytes) -> int:
    """Return the number of scans of a JPEG; 1 for any other file.

    Of more than MAX_SCANS it is not exact, and up to _FEW it may count those of a thumbnail.

    >>> scan_count(b"not a JPEG")
    1
    """
    if not content.startswith(_START_OF_IMAGE):
        return 1
    if (found := content.count(_SCAN)) <= _FEW:
        return max(1, found)
    scans, at = 0, 2
    while scans <= MAX_SCANS and (at := content.find(_MARKER, at)) >= 0:
        kind = content[at + 1] if at + 1 < len(content) else _END_OF_IMAGE
        if kind == _END_OF_IMAGE:
            break
        if kind == 0xFF:
            at += 1  # a fill byte
        elif kind in _WITHOUT_LENGTH or kind in _IN_SCAN:
            at += 2
        else:
            scans += kind == _START_OF_SCAN
            at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return max(1, scans)


def check_bounds(content: bytes, width: int, height: int) -> None:
    """Check how much work it is to decode an image of this size.

    Raises:
        InvalidInput: It has too many pixels or scans.
    """
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise InvalidInput(
            f"The image has {width} x {height} pixels, more than the allowed {MAX_PIXELS:,}.",
            "Send a smaller image.",
        )
    scans = scan_count(content)
    if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
        number = f"more than {MAX_SCANS}" if scans > MAX_SCANS else str(scans)
        raise InvalidInput(
            f"The image of {width} x {height} pixels has {number} scans.",
            f"Send it with at most {MAX_SCANS} scans, and {MAX_SCANNED_PIXELS:,} pixels in all of "
            "them; a baseline JPEG has one.",
        )


def work_of(content: bytes, width: int, height: int) -> int:
    """Return how much work an image of this size is: pixels times scans, and what else it holds.

    A megabyte of what are not its pixels (a hundred thousand empty chunks, frames, metadata) is as
    much work as LARGE.
    """
    pixels = width * height
    rest = max(0, len(content) - _BYTES_OF_A_PIXEL * pixels)
    return pixels * scan_count(content) + _WORK_OF_A_BYTE * rest


def decoding_deadline() -> float:
    """Return when the time ends that this thread has for decoding from now on."""
    return time.thread_time() + MAX_DECODING_S


def header_deadline() -> float:
    """Return when the time ends that this thread has for reading headers from now on."""
    return time.thread_time() + HEADER_S


class TimedFile(io.BytesIO):
    """An image file that a decoder can read until this thread's deadline."""

    def __init__(self, content: bytes, deadline: float) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            InvalidInput: The decoder has taken too long.
        """
        if time.thread_time() > self._deadline:
            raise InvalidInput(
                f"Decoding takes more than {MAX_DECODING_S:.0f} s.",
                "Send a baseline JPEG or a PNG, without metadata.",
            )
        return super().read(size)

"""What is known of one image."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence

import msgspec
import numpy as np

from retread.bundle import STATISTICS, decode_image, image_statistics
from retread.core import InvalidInput
from retread.data.images.thumbnail import HEIGHT, WIDTH, thumbnail

MEASURES = ("width", "height", "bytes", *STATISTICS)
"""What a profile says of images, on a sample of them."""

_SAMPLE = 256
_STATISTICS_SIZE = 64
_FLAT = 8


class ImageFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`digest` is the sha256 of the bytes in hexadecimal; `nearness` names what it looks like.

    `error` says why it cannot be read; `statistics` are in the order of bundle.STATISTICS, empty
    where they were not measured.
    """

    digest: str
    size: int
    nearness: str = ""
    width: int = 0
    height: int = 0
    error: str = ""
    statistics: tuple[float, ...] = ()

    @property
    def measures(self) -> tuple[float, ...]:
        """In the order of MEASURES."""
        return (float(self.width), float(self.height), float(self.size), *self.statistics)


def inspect_image(content: bytes) -> ImageFacts:
    """Decode an image far enough to know that it can be read, and what it looks like."""
    return inspect_images([content])[0]


def inspect_images(contents: Sequence[bytes]) -> list[ImageFacts]:
    """Facts of several images; their hashes are computed together, which counts for small ones."""
    looked = [_look(content) for content in contents]
    hashes = iter(_difference_hashes([small for _, small in looked if small]))
    return [
        msgspec.structs.replace(facts, nearness=next(hashes) or facts.digest) if small else facts
        for facts, small in looked
    ]


def _look(content: bytes) -> tuple[ImageFacts, bytes]:
    """What is known of an image, and its thumbnail; none of one that cannot be read."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        (width, height), grey = thumbnail(content)
    except InvalidInput as error:
        return ImageFacts(digest, len(content), error=error.message), b""
    return ImageFacts(digest, len(content), width=width, height=height), grey


def measure_image(content: bytes) -> tuple[float, ...]:
    """The image statistics of a readable image."""
    return tuple(image_statistics(decode_image(content, _STATISTICS_SIZE)).values())


def sample_by_digest(digests: Sequence[str]) -> list[int]:
    """Positions of the images that are measured: those with the smallest digests, so that the
    sample depends on content alone and changes little as a dataset does."""
    return heapq.nsmallest(_SAMPLE, range(len(digests)), key=digests.__getitem__)


def _difference_hashes(smalls: Sequence[bytes]) -> list[str]:
    """64 bits each, one for each pixel of a thumbnail brighter than its left neighbour.

    dHash (Krawetz 2013). '' for a flat image: its bits are noise, and all flat images would be
    near-duplicates of each other.
    """
    grey = np.frombuffer(b"".join(smalls), dtype=np.uint8).reshape(-1, HEIGHT, WIDTH)
    if len(grey) == 0:
        return []
    flat = np.ptp(grey, axis=(1, 2)) < _FLAT
    bits = np.packbits((grey[:, :, 1:] > grey[:, :, :-1]).reshape(-1, 64), axis=1)
    return ["" if is_flat else row.tobytes().hex() for row, is_flat in zip(bits, flat, strict=True)]

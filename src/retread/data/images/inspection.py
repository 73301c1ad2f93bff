"""Inspect single images: whether they can be read, how large they are and what they look like."""

from __future__ import annotations

import hashlib
import heapq
import io
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from PIL import Image

from retread.bundle import FORMATS, STATISTICS, ImageRules, decode_image, image_statistics
from retread.core import InvalidInput
from retread.data.images.thumbnail import HEIGHT, WIDTH, thumbnail
from retread.project.settings import DataSection

IMAGE_PROPERTIES = ("width", "height", "bytes", *STATISTICS)
"""The properties of images that a profile describes, computed on a sample."""

_SUFFIX_OF_FORMAT = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "GIF": ".gif",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "PPM": ".ppm",
}

SUFFIXES = (*_SUFFIX_OF_FORMAT.values(), ".jpeg", ".jfif", ".jpe", ".tiff", ".pgm", ".dib")
"""The suffixes of image files that can be read."""

_SAMPLE = 256
_STATISTICS_SIZE = 64
_FLAT = 8


class ImageFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The facts of one image, as the index caches them.

    Attributes:
        digest: The sha256 of the bytes, in hexadecimal.
        size: The number of bytes.
        similarity_key: A key that near-duplicates share: the difference hash, or the digest of an
            image that has no structure.
        width: In pixels; 0 if the image cannot be read.
        height: In pixels; 0 if the image cannot be read.
        error: The reason why the image cannot be read; empty or None if it can.
        statistics: In the order of bundle.STATISTICS; empty if they were not computed.
        mirror_key: The similarity key that the image would have if it were mirrored left to right;
            empty if it has no structure.
        look: A digest of what is seen in the thumbnail.
        peak: The largest pixel value of a deep greyscale image; 0 for all others.
        colour_peak: The largest pixel value of a deep colour image; 0 for all others.
        is_sequence: Whether the file has further frames or pages, which are not used.
    """

    digest: str
    size: int
    similarity_key: str = ""
    width: int = 0
    height: int = 0
    error: str | None = None
    statistics: tuple[float, ...] = ()
    mirror_key: str = ""
    look: str = ""
    peak: int = 0
    colour_peak: int = 0
    is_sequence: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether the image can be read."""
        return not self.error

    @property
    def properties(self) -> tuple[float, ...]:
        """The IMAGE_PROPERTIES, in order."""
        return (float(self.width), float(self.height), float(self.size), *self.statistics)


def image_rules(settings: DataSection) -> ImageRules:
    """Return how the settings have images read."""
    return ImageRules(depth=settings.image_depth, background=settings.image_background)


def inspect_image(content: bytes, rules: ImageRules) -> ImageFacts:
    """Decode an image far enough to know whether it can be read and what it looks like."""
    return inspect_images([content], rules)[0]


def inspect_images(contents: Sequence[bytes], rules: ImageRules) -> list[ImageFacts]:
    """Inspect several images.

    Their hashes are computed together, which matters for small images.
    """
    inspected = [_inspect(content, rules) for content in contents]
    hashes = iter(_difference_hashes([grey for _, grey in inspected if grey is not None]))
    return [
        facts if grey is None else _with_keys(facts, *next(hashes)) for facts, grey in inspected
    ]


def measure_image(content: bytes, rules: ImageRules) -> tuple[float, ...]:
    """Return the statistics of a readable image, in the order of bundle.STATISTICS."""
    return tuple(image_statistics(decode_image(content, _STATISTICS_SIZE, rules)).values())


def sample_by_digest(digests: Sequence[str]) -> list[int]:
    """Return the positions of the images to measure: those with the smallest digests.

    The sample depends on content alone, so it changes little as a dataset grows.
    """
    return heapq.nsmallest(_SAMPLE, range(len(digests)), key=digests.__getitem__)


def suffix_of(content: bytes) -> str:
    """Return the file suffix for an image, by its format."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # Phones write MPO files: JPEG with further images appended.
        return _SUFFIX_OF_FORMAT.get(str(image.format), ".jpg")


def _inspect(content: bytes, rules: ImageRules) -> tuple[ImageFacts, bytes | None]:
    """Return the facts of an image and its thumbnail; None if it cannot be read."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        seen = thumbnail(content, rules)
    except InvalidInput as error:
        return ImageFacts(digest, len(content), error=error.message), None
    facts = ImageFacts(
        digest,
        len(content),
        width=seen.size[0],
        height=seen.size[1],
        look=hashlib.blake2b(seen.grey, digest_size=8).hexdigest(),
        peak=seen.peak,
        colour_peak=seen.colour_peak,
        is_sequence=seen.is_sequence,
    )
    return facts, seen.grey


def _with_keys(facts: ImageFacts, key: str | None, mirror_key: str | None) -> ImageFacts:
    return msgspec.structs.replace(
        facts, similarity_key=key or facts.digest, mirror_key=mirror_key or ""
    )


def _difference_hashes(
    thumbnails: Sequence[bytes],
) -> Iterator[tuple[str | None, str | None]]:
    """Compute a 64-bit hash per thumbnail, and that of its mirror image.

    dHash (Krawetz 2013): one bit per pixel brighter than its left neighbour. None for a flat image:
    its bits are noise, and all flat images would be near-duplicates of each other.
    """
    grey = np.frombuffer(b"".join(thumbnails), dtype=np.uint8).reshape(-1, HEIGHT, WIDTH)
    flat = np.ptp(grey, axis=(1, 2)) < _FLAT
    bits, mirrored = (
        np.packbits((view[:, :, 1:] > view[:, :, :-1]).reshape(-1, 64), axis=1)
        for view in (grey, grey[:, :, ::-1])
    )
    for is_flat, row, mirror in zip(flat, bits, mirrored, strict=True):
        yield (None, None) if is_flat else (row.tobytes().hex(), mirror.tobytes().hex())

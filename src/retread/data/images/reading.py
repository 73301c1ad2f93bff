"""Reading and decoding many images on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from retread.data.gathered import Progress
from retread.data.images.facts import ImageFacts, inspect_images, measure_image

_CHUNK = 64
_KEPT_BYTES = 512 * 2**20


class Contents:
    """Bytes of images by position; those read once are kept while they fit into memory."""

    def __init__(self, paths: Sequence[str], kept: dict[int, bytes] | None = None) -> None:
        self._paths = paths
        self._kept = kept or {}
        self._room = _KEPT_BYTES

    def read(self, position: int) -> bytes:
        """The bytes, remembered if there is room."""
        content = self.get(position)
        if len(content) < self._room:
            self._room -= len(content)
            self._kept[position] = content
        return content

    def kept(self, position: int) -> bytes | None:
        """The bytes that were read before, if they are still known."""
        return self._kept.get(position)

    def get(self, position: int) -> bytes:
        kept = self._kept.get(position)
        if kept is not None:
            return kept
        # A third of the time of Path.read_bytes, which counts for small images.
        descriptor = os.open(self._paths[position], os.O_RDONLY)
        try:
            return _read_all(descriptor)
        finally:
            os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    content = os.read(descriptor, size)
    while len(content) < size and (more := os.read(descriptor, size - len(content))):
        content += more
    return content


def measure_all(positions: Sequence[int], contents: Contents) -> list[tuple[float, ...]]:
    """The image statistics of some images."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(lambda position: measure_image(contents.get(position)), positions))


def inspect_all(
    known: Sequence[ImageFacts | None], contents: Contents, progress: Progress
) -> list[ImageFacts]:
    """Facts of every image; only those that are not `known` are read."""
    facts = list(known)
    unknown = [position for position, fact in enumerate(known) if fact is None]
    chunks = [unknown[i : i + _CHUNK] for i in range(0, len(unknown), _CHUNK)]
    Image.init()

    def inspect(chunk: Sequence[int]) -> list[ImageFacts]:
        return inspect_images([contents.read(position) for position in chunk])

    done = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for chunk, found in zip(chunks, pool.map(inspect, chunks), strict=True):
            for position, fact in zip(chunk, found, strict=True):
                facts[position] = fact
            done += len(chunk)
            progress("Reading images", done, len(unknown))
    return [fact for fact in facts if fact is not None]

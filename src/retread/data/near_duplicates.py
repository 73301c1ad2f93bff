"""Group near-duplicate images by their 64-bit difference hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

HASH_DIGITS = 16
_MAX_DISTANCE = 4
# Hashes that differ in at most four bits agree in at least one of five bands.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))


class NearDuplicateIndex:
    """An index of image groups by difference hash: leader clustering (Hartigan 1975).

    The first image of a group is its leader, and an image joins the group of a leader whose hash
    differs in at most four bits. Leaders remain leaders as more images are added. A later leader
    may be nearer to an image, so an image that already has a group keeps it.

    >>> index = NearDuplicateIndex(["00000000000000ff"])
    >>> index.group_of("00000000000000fe"), index.group_of("f0f0f0f0f0f0f0f0")
    ('00000000000000ff', 'f0f0f0f0f0f0f0f0')

    Args:
        groups: The names of existing groups. Those that are not hashes are ignored.
    """

    def __init__(self, groups: Iterable[str] = ()) -> None:
        self._leaders: dict[int, str] = {}
        self._bands: tuple[dict[int, list[int]], ...] = tuple(defaultdict(list) for _ in _BANDS)
        for name in sorted(set(groups)):
            if _is_hash(name):
                self._add(int(name, 16), name)

    def group_of(self, key: str) -> str:
        """Return the group of an image, and add it as a leader if it is in none.

        Args:
            key: The similarity key of the image: its difference hash, or another name, which is
                its own group.

        Returns:
            The hash of the nearest leader within four bits, or `key`.
        """
        if not _is_hash(key):
            return key
        value = int(key, 16)
        if value in self._leaders:
            return self._leaders[value]
        near = [
            ((value ^ other).bit_count(), other)
            for band, (shift, width) in zip(self._bands, _BANDS, strict=True)
            for other in band.get(value >> shift & (1 << width) - 1, ())
        ]
        distance, leader = min(near, default=(_MAX_DISTANCE + 1, 0))
        if distance <= _MAX_DISTANCE:
            return self._leaders[leader]
        self._add(value, key)
        return key

    def _add(self, value: int, name: str) -> None:
        self._leaders[value] = name
        for band, (shift, width) in zip(self._bands, _BANDS, strict=True):
            band[value >> shift & (1 << width) - 1].append(value)


def _is_hash(name: str) -> bool:
    return len(name) == HASH_DIGITS and set(name) <= set("0123456789abcdef")

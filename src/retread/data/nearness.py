"""Groups of images that look alike, from 64-bit difference hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

HASH_DIGITS = 16

_MOST_BITS = 4
# Hashes at most four bits apart agree in at least one of five bands.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))


class Leaders:
    """The first of its kind leads a group; what is at most four bits from it belongs to it.

    Leaders stay leaders as more images come. A follower may come to be nearer to a later one, which
    is why an image that is there keeps the group it was given.

    >>> leaders = Leaders(["00000000000000ff"])
    >>> leaders.group_of("00000000000000fe"), leaders.group_of("f0f0f0f0f0f0f0f0")
    ('00000000000000ff', 'f0f0f0f0f0f0f0f0')
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known: dict[int, str] = {}
        self._bands: tuple[dict[int, list[int]], ...] = tuple(defaultdict(list) for _ in _BANDS)
        for name in sorted(set(known)):
            if is_hash(name):
                self._lead(int(name, 16), name)

    def group_of(self, name: str) -> str:
        """The leader of an image's hash, the nearest if there are several; itself if none is
        near, or if it is no hash."""
        if not is_hash(name):
            return name
        value = int(name, 16)
        if value in self._known:
            return self._known[value]
        near = [
            ((value ^ other).bit_count(), other)
            for band, (shift, width) in zip(self._bands, _BANDS, strict=True)
            for other in band.get(value >> shift & (1 << width) - 1, ())
        ]
        distance, leader = min(near, default=(_MOST_BITS + 1, 0))
        if distance <= _MOST_BITS:
            return self._known[leader]
        self._lead(value, name)
        return name

    def _lead(self, value: int, name: str) -> None:
        self._known[value] = name
        for band, (shift, width) in zip(self._bands, _BANDS, strict=True):
            band[value >> shift & (1 << width) - 1].append(value)


def is_hash(name: str) -> bool:
    """Whether a group is named by a difference hash."""
    return len(name) == HASH_DIGITS and set(name) <= set("0123456789abcdef")

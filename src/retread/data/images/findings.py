"""Find what is wrong or odd about the images of a source as a whole, and say it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from retread.bundle import ImageRules, decode_image
from retread.core.listed import listed
from retread.data.images.inspection import ImageFacts
from retread.data.images.mirror import mirrored_labels
from retread.data.source import ImageFindings

_ALIKE_SIZE = 64
_MAX_COMPARED = 2_000
_MAX_LISTED = 3


class Inspected(NamedTuple):
    """A readable image.

    Attributes:
        name: Its path in the source.
        label: Its label.
        facts: What is known about it.
        position: Its position in the source.
    """

    name: str
    label: str
    facts: ImageFacts
    position: int


def find(
    images: Sequence[Inspected],
    read: Callable[[int], bytes],
    rules: ImageRules,
    left_out: Mapping[str, int],
) -> ImageFindings:
    """Look for photos that decode alike, unused bits and labels that mirror each other.

    Args:
        images: The readable images.
        read: Returns the bytes of an image, given its position.
        rules: How images are decoded.
        left_out: The number of files that are no images, by ending.
    """
    alike = _alike(images, read, rules)
    peaks = [image.facts.peak for image in images if image.facts.peak]
    colours = [image.facts.colour_peak for image in images if image.facts.colour_peak]
    return ImageFindings(
        alike=tuple(_pair(same) for same in alike),
        alike_rows=sum(len(same) for same in alike),
        deep=len(peaks),
        peak=max(peaks, default=0),
        beyond=sum(peak >= 2**rules.depth for peak in peaks),
        depth=rules.depth,
        deep_colours=len(colours),
        colour_peak=max(colours, default=0),
        mirrored=mirrored_labels([(image.label, image.facts) for image in images]),
        left_out=left_out,
    )


def remarks_on(
    findings: ImageFindings, images: Sequence[Inspected], unreadable: Sequence[str]
) -> tuple[str, ...]:
    """Return what a person should be told about the images, a sentence each."""
    remarks = list(findings.mirrored)
    if unreadable:
        shown = listed(unreadable, _MAX_LISTED, "; ")
        total = len(images) + len(unreadable)
        remarks.append(f"Left out: {len(unreadable)} of {total} images: {shown}.")
    if findings.left_out:
        remarks.append(f"Left out: {counted(findings.left_out, 'file')} that are no images.")
    sequences = [image.name for image in images if image.facts.is_sequence]
    if sequences:
        remarks.append(
            f"{len(sequences)} files have several frames or pages, such as {sequences[0]}: the "
            "first is used."
        )
    return tuple(remarks)


def counted(counts: Mapping[str, int], noun: str) -> str:
    """Return how many there are in all and of each kind.

    >>> counted({".txt": 2, ".json": 1}, "file")
    '3 files (2 .txt, 1 .json)'
    """
    total = sum(counts.values())
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return f"{total} {noun}{'' if total == 1 else 's'} ({by_kind})"


def _alike(
    images: Sequence[Inspected], read: Callable[[int], bytes], rules: ImageRules
) -> list[list[Inspected]]:
    """Return the sets of images that decode to the same pixels, but are of several files and
    labels. Copies of one file are another matter."""
    found = []
    for same in _several(images, [image.facts.look for image in images]):
        pixels: dict[str, bytes] = {}
        for image in same:
            if image.facts.digest not in pixels and len(pixels) < _MAX_COMPARED:
                content = decode_image(read(image.position), _ALIKE_SIZE, rules).tobytes()
                pixels[image.facts.digest] = content
        compared = [image for image in same if image.facts.digest in pixels]
        found += _several(compared, [pixels[image.facts.digest] for image in compared])
    return found


def _several(images: Sequence[Inspected], keys: Sequence[str | bytes]) -> list[list[Inspected]]:
    """Group images by their keys, and return the groups of several files and several labels."""
    groups: dict[str | bytes, list[Inspected]] = defaultdict(list)
    for image, key in zip(images, keys, strict=True):
        groups[key].append(image)
    return [
        group
        for group in groups.values()
        if len(group) > 1
        and len({image.label for image in group}) > 1
        and len({image.facts.digest for image in group}) > 1
    ]


def _pair(same: Sequence[Inspected]) -> str:
    first = same[0]
    other = next(image for image in same if image.label != first.label)
    labels = Counter(image.label for image in same)
    counts = listed(f"{count} {label!r}" for label, count in sorted(labels.items()))
    return f"{first.name} and {other.name} ({counts})"

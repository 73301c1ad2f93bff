"""Find augmented and other copies of photos by their names, so that they stay together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_MAX_FAMILY = 100

_ROBOFLOW = re.compile(r"(?P<base>.+?)(_(jpe?g|png|bmp|webp|tiff?|gif))?\.rf\.[0-9A-Za-z]{3,64}$")
_NUMBERED = re.compile(r"(?P<base>.+?) ?\(\d{1,2}\)$")
_COPIED = re.compile(
    r"(?P<base>.+?)[ _-]+(copy|kopie|copie|copia|duplicate)([ _-]?\(?\d{1,3}\)?)?$", re.IGNORECASE
)
_AUGMENTED = re.compile(
    r"(?P<base>.+?)[ _.-]+("
    r"aug(mented|ment)?|[hv]?flip(ped|lr|ud)?|flip[ _-]?(h|v|x|y|lr|ud|left|right|horizontal|"
    r"vertical)|mirror(ed)?|rot(ate|ated|ation)?|crop(ped)?|blur(red)?|noisy?|noise|bright(er|ness)?|"
    r"dark(er)?|contrast|gamma|hue|sat(uration)?|jitter|shear|zoom|shift(ed)?|translate(d)?|scaled?|"
    r"elastic|cutout|gr[ae]y(scale)?"
    r")[ _-]?-?\d{0,4}(\.\d+)?$",
    re.IGNORECASE,
)
_ALWAYS = (_ROBOFLOW, _AUGMENTED)
_BESIDE_ORIGINAL = (_NUMBERED, _COPIED)
"""Cameras and renamed files are numbered like this too: only the original makes them copies."""


def copies_by_name(names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the original of each photo that is a copy by its name.

    A photo is a copy if a photo with its base name exists under the same label, or, for names that
    only augmentation makes, if several photos share the base name; of these, the first counts as
    the original.

    >>> copies_by_name([("good/1.jpg", "good"), ("good/1_flip.jpg", "good")])
    {'good/1.jpg': 'good/1.jpg', 'good/1_flip.jpg': 'good/1.jpg'}

    Args:
        names: The path and the label of each photo.

    Returns:
        The path of the original by the path of each member of a family, the original included.
    """
    # Strings, because paths are slow to make.
    stems = [(label, _stem(name.rpartition("/")[2])) for name, label in names]
    existing = set(stems)
    families: dict[tuple[str, str], list[int]] = defaultdict(list)
    for position, (label, stem) in enumerate(stems):
        derived_from = stem if stem.isalnum() else _base(label, stem, existing)
        families[label, derived_from].append(position)
    found: dict[str, str] = {}
    for family, members in families.items():
        if len(members) < 2:
            continue
        distinct = {stems[i] for i in members}
        if len(distinct) < 2 or (family not in existing and len(distinct) > _MAX_FAMILY):
            continue
        original = next((i for i in members if stems[i] == family), members[0])
        found.update({names[i][0]: names[original][0] for i in members})
    return found


def _stem(file: str) -> str:
    return file.rpartition(".")[0] or file


def _base(label: str, stem: str, existing: set[tuple[str, str]]) -> str:
    """Return the name that a photo was derived from, as far as its own tells."""
    while True:
        match = next((m for pattern in _ALWAYS if (m := pattern.match(stem))), None)
        if match is None:
            match = next(
                (
                    m
                    for pattern in _BESIDE_ORIGINAL
                    if (m := pattern.match(stem)) and (label, m["base"]) in existing
                ),
                None,
            )
        if match is None:
            return stem
        stem = match["base"]

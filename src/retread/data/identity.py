"""Stable names of examples: from their content, so that a moved file keeps its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Label = str | float

_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Known:
    """An example of the version before; it `stays` whatever the source holds."""

    id: str
    label: Label
    group: str
    stays: bool


def identify(
    contents: Sequence[str],
    labels: Sequence[Label],
    known: Mapping[str, Sequence[Known]],
) -> list[str]:
    """An id for each example, given its content's digest and label, in order.

    An example of the version before (`known`, by content) keeps its id, even under another label:
    it was relabelled. Beside an example that stays, the same content under another label is
    another example. Copies of one content are numbered: `X`, `X-1`, `X-2`.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, content in enumerate(contents):
        places[content].append(place)
    ids = [""] * len(contents)
    for content, copies in places.items():
        before = known.get(content, ())
        if len(copies) == 1 and not before:
            ids[copies[0]] = content[:_LENGTH]
        else:
            _name_copies(ids, content, copies, labels, before)
    return ids


def _name_copies(
    ids: list[str],
    content: str,
    copies: Sequence[int],
    labels: Sequence[Label],
    before: Sequence[Known],
) -> None:
    free = {example.id: example for example in before}
    left = []
    for place in copies:
        same = next((id_ for id_, known in free.items() if known.label == labels[place]), None)
        if same is None:
            left.append(place)
        else:
            ids[place] = same
            del free[same]
    used = {example.id for example in before}
    spare = [id_ for id_, known in free.items() if not known.stays]
    number = 0
    for place in left:
        if spare:
            ids[place] = spare.pop(0)
            continue
        while (name := content[:_LENGTH] + (f"-{number}" if number else "")) in used:
            number += 1
        used.add(name)
        ids[place] = name

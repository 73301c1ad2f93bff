"""The body of feedback: request ids with true labels, read as the labels of the training data."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from retread.core import InvalidInput
from retread.core.column_rules import UnreadableValue, shown
from retread.core.label_check import LabelReader
from retread.serving.http import strict_json
from retread.serving.request_id import checked_request_id
from retread.serving.tensors import TooLarge

_LONGEST = 256
"""Characters of a label that the model does not know."""


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: str | bool | int | float


@dataclass(frozen=True, slots=True)
class Feedback:
    """True labels that were sent.

    Attributes:
        pairs: Request ids with their labels as text.
        unknown_labels: Those of the labels that the model does not know, each once.
    """

    pairs: list[tuple[str, str]]
    unknown_labels: list[str]


def read_feedback(body: bytes, reader: LabelReader | None, most: int) -> Feedback:
    """Read all labels of a body, or none of them.

    Args:
        body: The body.
        reader: Reads the labels of the model in production; None if there is no model.
        most: How many labels one body may have.

    Raises:
        TooLarge: There are more labels.
        InvalidInput: The body is not feedback, or a label cannot be read; the message names it.
    """
    value = strict_json.parse(body)
    try:
        found = msgspec.convert(value, _Label | list[_Label])
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"The body is not feedback: {error}.",
            'Send {"id": REQUEST_ID, "label": LABEL} or a list of these.',
        ) from error
    given = found if isinstance(found, list) else [found]
    if len(given) > most:
        raise TooLarge(
            f"The request has {len(given):,} labels, more than the allowed {most:,}.",
            "Send fewer labels per request, or raise [serving] max_rows.",
        )
    pairs: list[tuple[str, str]] = []
    for number, one in enumerate(given, start=1):
        request_id = checked_request_id(one.id)
        try:
            label = str(one.label) if reader is None else reader.read(one.label)
            if len(label) > _LONGEST and (reader is None or not reader.is_known(label)):
                raise UnreadableValue(
                    f"{shown(label)} is no label of the model and has more than {_LONGEST} letters"
                )
            pairs.append((request_id, label))
        except UnreadableValue as error:
            raise InvalidInput(
                f"Label {number} of {len(given)}, for request {shown(request_id)}: {error}.",
                "Nothing was recorded. Correct this label, and send all of them again.",
            ) from error
    labels = dict.fromkeys(label for _, label in pairs)
    unknown = [label for label in labels if reader is not None and not reader.is_known(label)]
    return Feedback(pairs, unknown)

"""A prediction as the client returns it, made from a response of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from retread.core.notebook import ShownTable, ShowsAsTable


class Prediction(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """The prediction for one row or image.

    Attributes:
        id: Request id, which `feedback` refers to.
        model_version: The model version that answered.
        slot: The slot that it is in.
        label: The predicted label; None for a model that predicts a number.
        confidence: Its probability.
        probabilities: The probability of every label; empty if the version that answered is no
            longer served, so that its other labels are unknown.
        value: The predicted number; None for a model that predicts a label.
        unknown: Columns whose category the model did not see in training.
    """

    id: str
    model_version: int = msgspec.field(name="version")
    slot: str
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] = {}
    value: float | None = None
    unknown: tuple[str, ...] = ()

    def as_table(self) -> ShownTable:
        """Return the prediction, as print() and a notebook show it."""
        output = "value" if self.label is None else "label"
        facts = [(output, self.value if self.label is None else self.label)]
        facts += [(f"probability of {name}", f"{p:.1%}") for name, p in self.probabilities.items()]
        facts += [("unknown category", column) for column in self.unknown]
        facts += [("version", f"{self.model_version}, {self.slot}"), ("request", self.id)]
        return ShownTable("Prediction", ("", ""), facts)


def decode_predictions(
    body: dict[str, Any], request_id: str, slot: str, labels_of: Callable[[int], Sequence[str]]
) -> list[Prediction]:
    """Return the predictions of a response, one per row.

    Args:
        body: The response.
        request_id: The server's id of the response.
        slot: The slot that answered.
        labels_of: Returns the labels of a version in the order of its outputs; () if unknown.
    """
    outputs = {output["name"]: output for output in body["outputs"]}
    version = int(body["model_version"])
    count = next(iter(outputs.values()))["shape"][0]
    unknown = body.get("parameters", {}).get("unknown") or [()] * count
    ids = [request_id, *(f"{request_id}.{index}" for index in range(1, count))]
    if "value" in outputs:
        return [
            Prediction(
                id=id_, model_version=version, slot=slot, value=value, unknown=tuple(columns)
            )
            for id_, value, columns in zip(ids, outputs["value"]["data"], unknown, strict=True)
        ]
    flat, width = outputs["probabilities"]["data"], outputs["probabilities"]["shape"][1]
    rows = [flat[i * width : (i + 1) * width] for i in range(count)]
    known = labels_of(version)
    labels = known if len(known) == width else ()
    return [
        Prediction(
            id=id_,
            model_version=version,
            slot=slot,
            label=label,
            confidence=max(row),
            probabilities=dict(zip(labels, row, strict=False)),
            unknown=tuple(columns),
        )
        for id_, label, row, columns in zip(
            ids, outputs["label"]["data"], rows, unknown, strict=True
        )
    ]

"""A client of a running server, for commands, demos and notebooks.

Not imported by the server itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.serving.json_connection import JsonConnection

Row = Mapping[str, float | int | str | None]

_FEEDBACK_AT_ONCE = 1000


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """One row's answer: `label` and `probabilities` by label, or `value`."""

    id: str
    version: int
    slot: str
    label: str = ""
    confidence: float = 0.0
    probabilities: dict[str, float] = {}
    value: float | None = None


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    datatype: str


class ServingClient:
    """Asks the server at `address`, like `http://127.0.0.1:5001`, about `model`."""

    def __init__(self, address: str, model: str, *, timeout_s: float = 60.0) -> None:
        self._model = model
        self._connection = JsonConnection(address, timeout_s)
        self._metadata: dict[str, Any] | None = None

    def __enter__(self) -> ServingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def metadata(self) -> dict[str, Any]:
        """What the server says of its model; asked for once."""
        if self._metadata is None:
            path = f"/v2/models/{self._model}"
            self._metadata, _ = self._connection.send("GET", path, None, {})
        return self._metadata

    def predict_image(
        self, content: bytes, media_type: str, *, headers: Mapping[str, str] | None = None
    ) -> Predicted:
        """Send an image file; `headers` such as X-Request-Id and X-Retread-Key."""
        body = self._post("infer", content, {"content-type": media_type, **(headers or {})})
        return self._predicted(body)[0]

    def predict_rows(
        self, rows: Sequence[Row], *, headers: Mapping[str, str] | None = None
    ) -> list[Predicted]:
        """Send rows of a table, each with a value for every column of the model."""
        return self._predict([_tensor(column, rows) for column in self._columns()], headers)

    def predict_features(
        self, rows: Sequence[Sequence[float]], *, headers: Mapping[str, str] | None = None
    ) -> list[Predicted]:
        """Send rows of numbers, in the order of the model's features."""
        shape = [len(rows), len(rows[0])]
        data = [number for row in rows for number in row]
        tensor = {"name": "features", "datatype": "FP32", "shape": shape, "data": data}
        return self._predict([tensor], headers)

    def feedback(self, labels: Iterable[tuple[str, str]]) -> int:
        """Tell the true labels of requests, by (request id, label); how many were taken."""
        pairs = [{"id": id_, "label": label} for id_, label in labels]
        taken = 0
        for start in range(0, len(pairs), _FEEDBACK_AT_ONCE):
            content = msgspec.json.encode(pairs[start : start + _FEEDBACK_AT_ONCE])
            body, _ = self._post("feedback", content, {"content-type": "application/json"})
            taken += int(body["accepted"])
        return taken

    def _predict(
        self, tensors: list[dict[str, Any]], headers: Mapping[str, str] | None
    ) -> list[Predicted]:
        content = msgspec.json.encode({"inputs": tensors})
        sent = {"content-type": "application/json", **(headers or {})}
        return self._predicted(self._post("infer", content, sent))

    def _columns(self) -> list[_Column]:
        columns = [
            _Column(name, tensor["datatype"])
            for tensor in self.metadata()["inputs"]
            for name in tensor.get("parameters", {}).get("columns", ())
        ]
        if not columns:
            raise InvalidInput(f"The model {self._model} takes images, not rows.")
        return columns

    def _predicted(self, answer: tuple[dict[str, Any], Message]) -> list[Predicted]:
        body, headers = answer
        outputs = {output["name"]: output for output in body["outputs"]}
        version, slot = int(body["model_version"]), headers["x-retread-slot"]
        names = _row_ids(body["id"], outputs)
        if "value" in outputs:
            return [
                Predicted(id=name, version=version, slot=slot, value=value)
                for name, value in zip(names, outputs["value"]["data"], strict=True)
            ]
        labels = self.metadata()["parameters"]["labels"]
        flat = outputs["probabilities"]["data"]
        rows = [flat[i * len(labels) : (i + 1) * len(labels)] for i in range(len(names))]
        return [
            Predicted(
                id=name,
                version=version,
                slot=slot,
                label=labels[row.index(max(row))],
                confidence=max(row),
                probabilities=dict(zip(labels, row, strict=True)),
            )
            for name, row in zip(names, rows, strict=True)
        ]

    def _post(
        self, action: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], Message]:
        return self._connection.send("POST", f"/v2/models/{self._model}/{action}", content, headers)


def _tensor(column: _Column, rows: Sequence[Row]) -> dict[str, Any]:
    missing = next((i for i, row in enumerate(rows) if column.name not in row), None)
    if missing is not None:
        raise InvalidInput(
            f"Row {missing + 1} has no column {column.name!r}; it has: "
            f"{', '.join(rows[missing]) or 'none'}."
        )
    data: list[Any] = [row[column.name] for row in rows]
    if column.datatype != "BYTES":
        data = [_number(column.name, value) for value in data]
    else:
        data = ["" if value is None else str(value) for value in data]
    return {"name": column.name, "datatype": column.datatype, "shape": [len(rows)], "data": data}


def _number(column: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"Column {column!r} has the value {value!r}.", "It holds numbers."
        ) from None


def _row_ids(name: str, outputs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    count = next(iter(outputs.values()))["shape"][0]
    return [name, *(f"{name}.{index}" for index in range(1, count))]

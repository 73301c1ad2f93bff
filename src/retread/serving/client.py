"""A client of a running server: predictions for rows and images, and feedback.

The server does not import it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, overload

import msgspec

from retread.core import Conflict, InvalidInput, NotFound, RetreadError, Unavailable
from retread.core.http_client import HttpClient, HttpResponse

Value = float | int | str | None
Row = Mapping[str, Value]
Image = bytes | str | Path
"""An image file: its content, or its path."""

_FEEDBACK_PER_REQUEST = 1000
_ERRORS: dict[int, type[RetreadError]] = {404: NotFound, 409: Conflict, 503: Unavailable}
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"BM", "image/bmp"),
)
_JSON = {"content-type": "application/json"}


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The prediction for one row or image.

    Attributes:
        id: Request id, which `feedback` refers to.
        model_version: The model version that answered.
        slot: The slot that it is in.
        label: The predicted label; None for a model that predicts a number.
        confidence: Its probability.
        probabilities: The probability of every label.
        value: The predicted number; None for a model that predicts a label.
    """

    id: str
    model_version: int = msgspec.field(name="version")
    slot: str
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] = {}
    value: float | None = None


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a request is to be answered.

    Attributes:
        request_id: The request's id; made by the server by default.
        key: Routing key: requests with the same key are answered by the same model in a canary.
        slot: `production` or `staging`; by default production, or its canary.
        version: A model version that is being served, whichever slot it is in.
    """

    request_id: str | None = None
    key: str | None = None
    slot: str | None = None
    version: int | None = None


class SupportsToList(Protocol):
    """An array of NumPy, PyTorch and others."""

    def tolist(self) -> Any:
        """Return the array as nested lists."""
        ...


class ServingClient:
    """Sends requests for one model to one server, over one kept connection.

    >>> with retread.Client("http://127.0.0.1:5001", "iris") as client:  # doctest: +SKIP
    ...     prediction = client.predict(sepal_length=5.1, sepal_width=3.5)
    ...     client.feedback(prediction.id, "setosa")
    """

    def __init__(self, address: str, model: str, *, timeout_s: float = 60.0) -> None:
        """Prepare a client; nothing is sent.

        Args:
            address: The server, like `http://127.0.0.1:5001`.
            model: Name of the model.
            timeout_s: Longest time without any progress.

        Raises:
            InvalidInput: `address` is not an HTTP address.
        """
        self._model = model
        self._http = HttpClient(address, timeout_s)
        self._metadata: dict[str, Any] | None = None

    def __enter__(self) -> ServingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        self._http.close()

    def metadata(self) -> dict[str, Any]:
        """Return the server's description of the model; it is requested once.

        Raises:
            NotFound: The server has no such model.
            Unavailable: The server does not respond, or has no model in production.
        """
        if self._metadata is None:
            self._metadata, _ = self._send("GET", "", None, {})
        return self._metadata

    @overload
    def predict(
        self, data: Row | Image | Sequence[float], /, *, options: RequestOptions | None = None
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        data: Sequence[Row] | Sequence[Sequence[float]] | Sequence[bytes] | Sequence[Path],
        /,
        *,
        options: RequestOptions | None = None,
    ) -> list[Prediction]: ...

    @overload
    def predict(self, data: SupportsToList, /, *, options: RequestOptions | None = None) -> Any: ...

    @overload
    def predict(
        self, /, *, options: RequestOptions | None = None, **columns: Value
    ) -> Prediction: ...

    def predict(
        self, data: Any = None, /, *, options: RequestOptions | None = None, **columns: Value
    ) -> Any:
        """Predict one row or image, or several.

        Args:
            data: One of: a row as a mapping of columns to values; a row of numbers in the order
                of the model's features; an image file as bytes or path; a list of any of these;
                an array of shape [features] or [rows, features]; a data frame.
            options: How the request is to be answered.
            columns: The columns of one row, instead of `data`. (Use a mapping if the table has a
                column `options`.)

        Returns:
            One Prediction for one row or image; a list of them for a list, an array of two
            dimensions, or a data frame.

        Raises:
            InvalidInput: The model does not take such data.
            NotFound: The server has no such model, or does not serve the requested version.
            Unavailable: The server does not respond, is overloaded, or has no model in production.
        """
        if (data is None) != bool(columns):
            raise InvalidInput("Nothing to predict.", "Pass either the columns of a row, or data.")
        many, is_single = _as_list(columns if data is None else data)
        predictions = self._predict(many, options or RequestOptions())
        return predictions[0] if is_single else predictions

    def feedback(self, request_id: str, label: str | float) -> None:
        """Record the true label of a prediction.

        Args:
            request_id: The prediction's id.
            label: Its true label, or its true value.

        Raises:
            InvalidInput: The model has no such label.
            NotFound: The server has no such model.
            Unavailable: The server or its database does not respond.
        """
        self.feedback_many([(request_id, label)])

    def feedback_many(self, labels: Iterable[tuple[str, str | float]]) -> int:
        """Record the true labels of many predictions.

        Args:
            labels: Pairs of request id and true label.

        Returns:
            How many were recorded.

        Raises:
            InvalidInput: The model has no such label; those of earlier requests are recorded.
            NotFound: The server has no such model.
            Unavailable: The server or its database does not respond.
        """
        pairs = [{"id": id_, "label": label} for id_, label in labels]
        accepted = 0
        for start in range(0, len(pairs), _FEEDBACK_PER_REQUEST):
            content = msgspec.json.encode(pairs[start : start + _FEEDBACK_PER_REQUEST])
            body, _ = self._send("POST", "/feedback", content, _JSON)
            accepted += int(body["accepted"])
        return accepted

    def _predict(self, many: Sequence[Any], options: RequestOptions) -> list[Prediction]:
        if all(isinstance(one, Image) for one in many):
            files = [one if isinstance(one, bytes) else _read_file(Path(one)) for one in many]
            if len(files) == 1:
                return self._infer(files[0], _media_type(files[0]), options)
            data = [base64.b64encode(file).decode() for file in files]
            tensors = [{"name": "image", "datatype": "BYTES", "shape": [len(files)], "data": data}]
        elif all(isinstance(one, Mapping) for one in many):
            tensors = [_column_tensor(name, kind, many) for name, kind in self._columns()]
        else:
            tensors = [_feature_tensor(many)]
        content = msgspec.json.encode({"inputs": tensors})
        return self._infer(content, "application/json", options)

    def _infer(
        self, content: bytes, content_type: str, options: RequestOptions
    ) -> list[Prediction]:
        path = "/infer" if options.version is None else f"/versions/{options.version}/infer"
        headers = {
            "content-type": content_type,
            "x-request-id": options.request_id,
            "x-retread-key": options.key,
            "x-retread-slot": options.slot,
        }
        sent = {name: value for name, value in headers.items() if value is not None}
        body, response = self._send("POST", path, content, sent)
        return self._predictions(body, response.headers["x-retread-slot"])

    def _columns(self) -> list[tuple[str, str]]:
        """Return the name and the datatype of every column that the model takes."""
        columns = [
            (name, tensor["datatype"])
            for tensor in self.metadata()["inputs"]
            for name in tensor.get("parameters", {}).get("columns", ())
        ]
        if not columns:
            raise InvalidInput(f"The model {self._model} takes images, not rows.")
        return columns

    def _predictions(self, body: dict[str, Any], slot: str) -> list[Prediction]:
        outputs = {output["name"]: output for output in body["outputs"]}
        version = int(body["model_version"])
        count = next(iter(outputs.values()))["shape"][0]
        ids = [body["id"], *(f"{body['id']}.{index}" for index in range(1, count))]
        if "value" in outputs:
            return [
                Prediction(id=id_, model_version=version, slot=slot, value=value)
                for id_, value in zip(ids, outputs["value"]["data"], strict=True)
            ]
        labels = self.metadata()["parameters"]["labels"]
        flat = outputs["probabilities"]["data"]
        rows = [flat[i * len(labels) : (i + 1) * len(labels)] for i in range(count)]
        return [
            Prediction(
                id=id_,
                model_version=version,
                slot=slot,
                label=labels[row.index(max(row))],
                confidence=max(row),
                probabilities=dict(zip(labels, row, strict=True)),
            )
            for id_, row in zip(ids, rows, strict=True)
        ]

    def _send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], HttpResponse]:
        try:
            response = self._http.request(
                method, f"/v2/models/{self._model}{path}", content, headers
            )
        except Unavailable as error:
            raise Unavailable(error.message, "Start the server with: retread up") from error
        body = response.json_object()
        if response.is_success and body is not None:
            return body, response
        refusal = (body or {}).get("error")
        if not isinstance(refusal, dict):
            raise Unavailable(
                f"The server at {self._http.server} is not Retread: HTTP {response.status}.",
                "Check [serving] port, and what listens there.",
            )
        default = RetreadError if response.status >= 500 else InvalidInput
        raise _ERRORS.get(response.status, default)(refusal["message"], refusal["hint"])


def _as_list(data: Any) -> tuple[Sequence[Any], bool]:
    """Return data as a list of rows or images, and whether it was a single one."""
    if hasattr(data, "to_dict"):  # a data frame
        data = data.to_dict("records")
    elif hasattr(data, "tolist"):
        data = data.tolist()
    if isinstance(data, Mapping | Image):
        return [data], True
    if not isinstance(data, Sequence) or not data:
        raise InvalidInput(
            "There are no rows to predict.", "Pass a row, an image, or a list that is not empty."
        )
    if isinstance(data[0], int | float):
        return [data], True
    return data, False


def _feature_tensor(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise InvalidInput("The rows have different lengths.", f"Each must have {width} values.")
    data = [_number("features", value) for row in rows for value in row]
    return {"name": "features", "datatype": "FP32", "shape": [len(rows), width], "data": data}


def _column_tensor(name: str, datatype: str, rows: Sequence[Row]) -> dict[str, Any]:
    missing = next((i for i, row in enumerate(rows) if name not in row), None)
    if missing is not None:
        raise InvalidInput(
            f"Row {missing + 1} has no column {name!r}; it has: "
            f"{', '.join(rows[missing]) or 'none'}."
        )
    data: list[Any] = [row[name] for row in rows]
    if datatype == "BYTES":
        data = ["" if value is None else str(value) for value in data]
    else:
        data = [_number(name, value) for value in data]
    return {"name": name, "datatype": datatype, "shape": [len(rows)], "data": data}


def _number(column: str, value: Any) -> float | None:
    """Return a number; None for a missing value, which data frames write as NaN."""
    if value is None or value == "" or value != value:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"Column {column!r} has the value {value!r}.", "It must hold numbers."
        ) from None


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error


def _media_type(content: bytes) -> str:
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise InvalidInput(
        "The image cannot be read: its format is not recognised.",
        "Send one of: JPEG, PNG, WEBP, BMP.",
    )

"""A client of a running server: predictions for rows and images, and feedback.

The server does not import it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Protocol, overload

import msgspec

from retread.core import (
    Conflict,
    InvalidInput,
    NotFound,
    RetreadError,
    Unavailable,
    checked_name,
)
from retread.core.column_rules import ColumnRules, shown
from retread.core.http_client import HttpClient, HttpResponse
from retread.core.label_check import LabelReader
from retread.serving.client_data import (
    Image,
    Row,
    Value,
    as_rows,
    column_tensor,
    feature_tensor,
    image_file,
    media_type,
    true_label,
)
from retread.serving.prediction import Prediction, decode_predictions
from retread.serving.request_id import checked_request_id
from retread.serving.served_versions import ServedVersions

_LONGEST_TIMEOUT_S = 1e6
ROWS_PER_REQUEST = 1000
"""More rows are sent in several requests."""

_ERRORS: dict[int, type[RetreadError]] = {404: NotFound, 409: Conflict, 503: Unavailable}
_JSON = {"content-type": "application/json"}


class FeedbackResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of true labels.

    Attributes:
        accepted: How many were recorded.
        waiting: Request ids that no answer was seen for yet; their labels are kept until one is.
        unknown_labels: Labels that the model cannot predict. They count as its errors.
    """

    accepted: int = 0
    waiting: tuple[str, ...] = ()
    unknown_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a request is to be answered. A value that no request can have is InvalidInput.

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

    def __post_init__(self) -> None:
        if self.request_id is not None:
            checked_request_id(_checked_text("request id", self.request_id))
        if self.key is not None:
            _checked_text("key", self.key)
        if self.slot not in (None, "production", "staging"):
            raise InvalidInput(f"The slot is {shown(self.slot)}.", "Use production or staging.")
        version = self.version
        if version is not None and (not _is_a(Integral, version) or version < 1):
            raise InvalidInput(f"The version is {shown(version)}.", "Versions are numbers from 1.")


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
            InvalidInput: `address` is not an HTTP address, `model` not the name of a model, or
                `timeout_s` not a time.
        """
        if not _is_a(Real, timeout_s) or not 0 < timeout_s <= _LONGEST_TIMEOUT_S:
            raise InvalidInput(
                f"timeout_s is {shown(timeout_s)}.",
                f"Use a number of seconds above 0, up to {_LONGEST_TIMEOUT_S:,.0f}.",
            )
        self._model = checked_name("model", str(model))
        self._http = HttpClient(address, timeout_s)
        self._served = ServedVersions(lambda path: self._send("GET", path, None, {})[0])

    def __enter__(self) -> ServingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        self._http.close()

    def metadata(self) -> dict[str, Any]:
        """Return the server's description of the model in production.

        It is requested once, and again after another version has answered from production.

        Raises:
            NotFound: The server has no such model.
            Unavailable: The server does not respond, or has no model in production.
        """
        return self._served.in_slot("production")

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
        if not isinstance(options, RequestOptions | None):
            raise InvalidInput(
                f"The options are {shown(options)}.",
                'Pass retread.RequestOptions, such as options=RequestOptions(slot="staging").',
            )
        if (data is None) != bool(columns):
            raise InvalidInput("Nothing to predict.", "Pass either the columns of a row, or data.")
        many, is_single = as_rows(columns if data is None else data)
        predictions = self._predict(many, options or RequestOptions())
        return predictions[0] if is_single else predictions

    def predict_rows(
        self, rows: Sequence[Row], numbers: Sequence[int], options: RequestOptions | None = None
    ) -> list[Prediction]:
        """Predict rows that errors name by their number in a file; see `predict`.

        Rows are sent in requests of at most ROWS_PER_REQUEST, after all of them were checked.

        Args:
            rows: Mappings of columns to values, such as the text of a file's cells.
            numbers: The number of each row.
            options: How the requests are to be answered.

        Raises:
            InvalidInput: The model does not take such rows.
        """
        options = options or RequestOptions()
        slot = options.slot or "production"
        may_be_outdated = options.version is None and self._served.is_known(slot)
        columns = self._columns(options)
        try:
            return self._infer_rows(columns, rows, numbers, options)
        except InvalidInput:
            if not may_be_outdated:
                raise
            # Another version, with other columns, may have come into the slot.
            self._served.forget(slot)
            current = self._columns(options)
            if current == columns:
                raise
        return self._infer_rows(current, rows, numbers, options)

    def feedback(self, request_id: str, label: str | float) -> FeedbackResult:
        """Record the true label of a prediction.

        Args:
            request_id: The prediction's id.
            label: Its true label, or its true value.

        Raises:
            InvalidInput: The label cannot be read.
            NotFound: The server has no such model.
            Unavailable: The server or its database does not respond.
        """
        return self.feedback_many([(request_id, label)])

    def feedback_many(self, labels: Iterable[tuple[str, str | float]]) -> FeedbackResult:
        """Record the true labels of many predictions: all of them, or none.

        Args:
            labels: Pairs of request id and true label.

        Returns:
            What became of them.

        Raises:
            InvalidInput: One is not such a pair, or its label cannot be read.
            NotFound: The server has no such model.
            Unavailable: The server or its database does not respond.
        """
        pairs = [true_label(pair, number) for number, pair in enumerate(labels, start=1)]
        if not pairs:
            return FeedbackResult()
        body, _ = self._send("POST", "/feedback", msgspec.json.encode(pairs), _JSON)
        return msgspec.convert(body, FeedbackResult)

    def column_rules(self) -> list[ColumnRules]:
        """Return how the values of each column of the model in production are read.

        Raises:
            InvalidInput: The model takes images, not rows.
        """
        return self._columns(RequestOptions())

    def label_reader(self) -> LabelReader:
        """Return what reads true labels as those of the model in production."""
        parameters = self.metadata()["parameters"]
        rules = msgspec.convert(parameters.get("label_rules"), ColumnRules | None)
        return LabelReader(parameters["labels"], rules)

    def _predict(self, many: Sequence[Any], options: RequestOptions) -> list[Prediction]:
        if all(isinstance(one, Image) for one in many):
            files = [image_file(one) for one in many]
            if len(files) == 1:
                return self._infer(files[0], media_type(files[0]), options)
            data = [base64.b64encode(file).decode() for file in files]
            tensors = [{"name": "image", "datatype": "BYTES", "shape": [len(files)], "data": data}]
        elif all(isinstance(one, Mapping) for one in many):
            return self.predict_rows(many, range(1, len(many) + 1), options)
        else:
            tensors = [feature_tensor(many)]
        return self._infer_tensors(tensors, options)

    def _infer_rows(
        self,
        columns: Sequence[ColumnRules],
        rows: Sequence[Row],
        numbers: Sequence[int],
        options: RequestOptions,
    ) -> list[Prediction]:
        parts = [slice(i, i + ROWS_PER_REQUEST) for i in range(0, len(rows), ROWS_PER_REQUEST)]
        requests = [
            [column_tensor(rules, rows[part], numbers[part]) for rules in columns] for part in parts
        ]
        return [one for request in requests for one in self._infer_tensors(request, options)]

    def _infer_tensors(
        self, tensors: Sequence[dict[str, Any]], options: RequestOptions
    ) -> list[Prediction]:
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
        slot = response.headers["x-retread-slot"]
        # The server's own id: that of the caller may occur again.
        request_id = response.headers.get("x-retread-id", body["id"])
        predictions = decode_predictions(body, request_id, slot, self._served.labels)
        self._served.answered(slot, int(body["model_version"]))
        return predictions

    def _columns(self, options: RequestOptions) -> list[ColumnRules]:
        """Return the rules of every column that the model takes."""
        if options.version is None:
            model = self._served.in_slot(options.slot or "production")
        else:
            model = self._served.version(options.version)
        rules = msgspec.convert(model["parameters"].get("rules", []), list[ColumnRules])
        if not rules:
            raise InvalidInput(f"The model {self._model} takes images, not rows.")
        return rules

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
        refusal = parsed_error(body or {})
        if refusal is None:
            raise Unavailable(
                f"The server at {self._http.server} is not Retread: HTTP {response.status}.",
                "Check [serving] port, and what listens there.",
            )
        default = RetreadError if response.status >= 500 else InvalidInput
        raise _ERRORS.get(response.status, default)(*refusal)


def parsed_error(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return message and hint of an error in either shape; None if it is in neither.

    >>> parsed_error({"error": "No such model. Name another.", "hint": "Name another."})
    ('No such model.', 'Name another.')
    """
    error: Any = body.get("error")
    hint: Any = body.get("hint")
    if isinstance(error, dict):
        error, hint = error.get("message"), error.get("hint")
    if not isinstance(error, str) or not isinstance(hint, str):
        return None
    return error.removesuffix(hint).strip(), hint


def _is_a(kind: type, value: Any) -> bool:
    """Return whether a value is such a number, which True and False are not meant as."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _checked_text(what: str, value: Any) -> str:
    """Return a value that can be sent in a header; raise InvalidInput for any other."""
    if isinstance(value, str) and value.isprintable():
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            pass
        else:
            return value
    raise InvalidInput(
        f"The {what} {shown(value)} cannot be sent.", "Use text of printable Latin-1 characters."
    )

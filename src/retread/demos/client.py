"""A client of the server, as any user would write one."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from retread.core import Unavailable

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: the request's id, who answered, and its `label` or its `value`."""

    id: str
    version: int
    slot: str
    label: str
    value: float


class Client:
    """Asks one model over one connection; every answer but 200 is Unavailable.

    The standard library's client: half of the time of a short request would be another's own.
    """

    def __init__(self, address: str, model: str) -> None:
        place = urlsplit(address)
        self._connection = http.client.HTTPConnection(
            place.hostname or "", place.port, timeout=_TIMEOUT_S
        )
        self._model = f"/v2/models/{model}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def ask(self, payload: bytes | Sequence[float], key: str) -> Reply:
        """Ask about an image file, or a row of features."""
        if isinstance(payload, bytes):
            return self._infer(payload, "image/jpeg", key)
        tensor = {
            "name": "features",
            "datatype": "FP32",
            "shape": [1, len(payload)],
            "data": list(payload),
        }
        return self._infer(msgspec.json.encode({"inputs": [tensor]}), "application/json", key)

    def feedback(self, request_id: str, label: str) -> None:
        """Say what was right."""
        body = msgspec.json.encode({"id": request_id, "label": label})
        self._post("/feedback", body, {"Content-Type": "application/json"})

    def _infer(self, body: bytes, kind: str, key: str) -> Reply:
        headers = {"Content-Type": kind, "X-Retread-Key": key}
        answer, slot = self._post("/infer", body, headers)
        outputs = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}
        return Reply(
            id=str(answer["id"]),
            version=int(answer["model_version"]),
            slot=slot,
            label=str(outputs["label"][0]) if "label" in outputs else "",
            value=float(outputs["value"][0]) if "value" in outputs else 0.0,
        )

    def _post(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], str]:
        """The answer's document, and the slot that answered."""
        try:
            response = self._exchange(path, body, headers)
        except http.client.RemoteDisconnected:
            # The server closes connections on which nothing was said for a while.
            self._connection.close()
            response = self._exchange(path, body, headers)
        content = response.read()
        if response.status != http.HTTPStatus.OK:
            raise Unavailable(f"The server answered {response.status}: {content[:300]!r}")
        answer: dict[str, Any] = msgspec.json.decode(content)
        return answer, response.headers.get("X-Retread-Slot", "")

    def _exchange(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        self._connection.request("POST", self._model + path, body, dict(headers))
        return self._connection.getresponse()

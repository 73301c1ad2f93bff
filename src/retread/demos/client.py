"""A client of the server, as any user would write one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

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
    """Asks one model over HTTP; every answer but 200 is an error."""

    def __init__(self, address: str, model: str) -> None:
        self._http = httpx.Client(base_url=f"{address}/v2/models/{model}", timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def ask(self, payload: bytes | Sequence[float], key: str) -> Reply:
        """Ask about an image file, or a row of features."""
        return self.image(payload, key) if isinstance(payload, bytes) else self.row(payload, key)

    def image(self, content: bytes, key: str) -> Reply:
        """Ask about one image file."""
        headers = {"Content-Type": "image/jpeg", "X-Retread-Key": key}
        return self._reply(self._http.post("/infer", content=content, headers=headers))

    def row(self, features: Sequence[float], key: str) -> Reply:
        """Ask about one row of a table."""
        tensor = {
            "name": "features",
            "datatype": "FP32",
            "shape": [1, len(features)],
            "data": list(features),
        }
        headers = {"X-Retread-Key": key}
        return self._reply(self._http.post("/infer", json={"inputs": [tensor]}, headers=headers))

    def feedback(self, request_id: str, label: str) -> None:
        """Say what was right."""
        self._body(self._http.post("/feedback", json={"id": request_id, "label": label}))

    def _reply(self, response: httpx.Response) -> Reply:
        body = self._body(response)
        outputs = {tensor["name"]: tensor["data"] for tensor in body["outputs"]}
        return Reply(
            id=str(body["id"]),
            version=int(body["model_version"]),
            slot=response.headers.get("X-Retread-Slot", ""),
            label=str(outputs["label"][0]) if "label" in outputs else "",
            value=float(outputs["value"][0]) if "value" in outputs else 0.0,
        )

    def _body(self, response: httpx.Response) -> Mapping[str, Any]:
        if response.status_code != httpx.codes.OK:
            raise Unavailable(f"The server answered {response.status_code}: {response.text[:300]}")
        body: Mapping[str, Any] = response.json()
        return body

"""What a demo says to the server: a question, and later what was right."""

from __future__ import annotations

from collections.abc import Sequence

from retread.serving.client import Prediction, RequestOptions, ServingClient


class Client:
    """A ServingClient whose questions are one image file or one row each."""

    def __init__(self, address: str, model: str) -> None:
        self._client = ServingClient(address, model)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, payload: bytes | Sequence[float], key: str) -> Prediction:
        """Ask about a JPEG file, or a row of features, as the customer `key`."""
        return self._client.predict(payload, options=RequestOptions(key=key))

    def feedback(self, request_id: str, label: str) -> None:
        """Say what was right."""
        self._client.feedback(request_id, label)

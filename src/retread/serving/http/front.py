"""What all connections of a server share."""

from __future__ import annotations

import re

from retread.serving.dataplane import DataPlane
from retread.serving.http.answers import AnswerBook
from retread.serving.http.bodies import Bodies
from retread.serving.request_id import RequestIds


class Front:
    """The data plane, and how HTTP reaches it."""

    def __init__(self, plane: DataPlane, model: str, *, max_body: int) -> None:
        self.plane = plane
        self.model = model
        self.bodies = Bodies(max_body)
        self.ids = RequestIds()
        self.answers = AnswerBook(model)
        self.draining = False
        self.date = b""
        """The Date header, renewed with each tick of the server."""
        self._infer = f"/v2/models/{model}/infer".encode()
        self._versioned = re.compile(
            rf"/v2/models/{re.escape(model)}/versions/([1-9][0-9]{{0,8}})/infer".encode()
        )

    @property
    def is_ready(self) -> bool:
        """Whether requests should come here: a model is in production and nothing ends."""
        return self.plane.slots.table.production is not None and not self.draining

    def version_asked(self, url: bytes) -> int | None:
        """The version that an infer address names (0: any); None for any other address."""
        if url == self._infer:
            return 0
        match = self._versioned.fullmatch(url)
        return int(match[1]) if match else None

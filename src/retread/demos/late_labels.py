"""Labels that come some time after their requests."""

from __future__ import annotations

from collections import deque


class LateLabels:
    """Holds each label back until `delay` more requests were made."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._waiting: deque[tuple[str, str]] = deque()

    def put(self, request_id: str, label: str) -> None:
        self._waiting.append((request_id, label))

    def due(self) -> tuple[tuple[str, str], ...]:
        """Those whose time has come, oldest first; each is given out once.

        >>> labels = LateLabels(delay=1)
        >>> labels.put("a", "good"); labels.put("b", "defective")
        >>> labels.due(), labels.due()
        ((('a', 'good'),), ())
        """
        count = max(0, len(self._waiting) - self._delay)
        return tuple(self._waiting.popleft() for _ in range(count))

    def all(self) -> tuple[tuple[str, str], ...]:
        """Everything that is still held back."""
        rest = tuple(self._waiting)
        self._waiting.clear()
        return rest

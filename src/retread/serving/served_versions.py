"""What a client knows about the versions that its server serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retread.core import NotFound


class ServedVersions:
    """The server's descriptions of model versions, requested once each.

    A version never changes, but the version in a slot does: `answered` keeps track of it.
    """

    def __init__(self, request: Callable[[str], dict[str, Any]]) -> None:
        """Prepare; nothing is requested.

        Args:
            request: Returns the description at a path below the model's, `""` for production's.
        """
        self._request = request
        self._descriptions: dict[int, dict[str, Any]] = {}
        self._in_slot: dict[str, int] = {}

    def version(self, number: int) -> dict[str, Any]:
        """Return the description of a version.

        Raises:
            NotFound: It is not served.
        """
        if number not in self._descriptions:
            self._add(self._request(f"/versions/{number}"))
        return self._descriptions[number]

    def in_slot(self, slot: str) -> dict[str, Any]:
        """Return the description of the version in a slot, or else of the one in production."""
        if slot not in self._in_slot:
            self._find(slot)
        return self._descriptions[self._in_slot.get(slot, self._in_slot["production"])]

    def labels(self, number: int) -> Sequence[str]:
        """Return the labels of a version in the order of its outputs; () if it is not served."""
        try:
            labels: list[str] = self.version(number)["parameters"]["labels"]
        except NotFound:
            return ()
        return labels

    def is_known(self, slot: str) -> bool:
        """Return whether `in_slot` requests nothing."""
        return slot in self._in_slot

    def answered(self, slot: str, number: int) -> None:
        """Take note of the version in a slot."""
        if number in self._descriptions:
            self._in_slot[slot] = number
        else:
            self.forget(slot)

    def forget(self, slot: str) -> None:
        """Forget which version is in a slot."""
        self._in_slot.pop(slot, None)

    def _find(self, slot: str) -> None:
        production = self._request("")
        self._in_slot["production"] = self._add(production)
        if slot == "production":
            return
        for number in map(int, production["versions"]):
            if number != self._in_slot["production"]:
                found = self._request(f"/versions/{number}")
                self._in_slot[found["parameters"]["slot"]] = self._add(found)

    def _add(self, description: dict[str, Any]) -> int:
        number = int(description["parameters"]["version"])
        self._descriptions[number] = description
        return number

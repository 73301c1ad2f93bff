"""Whose messages the loop's are."""

from __future__ import annotations

from dataclasses import dataclass

from retread.notify import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext:
    """The project, and the addresses of its status page and of MLflow."""

    project: str
    control: str
    tracking: str

    @property
    def links(self) -> tuple[Link, ...]:
        return (
            Link(label="Status", url=self.control),
            Link(label="Runs in MLflow", url=self.tracking),
        )

"""Anything that takes a JSON document by HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retread.notify.message import Message
from retread.notify.post import checked_address, post_json
from retread.project import LoadedProject

VARIABLE = "RETREAD_WEBHOOK"
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class WebhookNotifier:
    """Posts each message as it is: title, severity, lines, fields, links."""

    address: str = field(repr=False)
    project: str

    def send(self, message: Message) -> None:
        post_json(self.address, {"project": self.project, "message": message}, TIMEOUT_S)


def build(project: LoadedProject, environment: Mapping[str, str]) -> WebhookNotifier | None:
    """From RETREAD_WEBHOOK."""
    address = environment.get(VARIABLE, "")
    if not address:
        return None
    return WebhookNotifier(checked_address(VARIABLE, address), project.settings.project.name)

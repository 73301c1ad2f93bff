"""Slack, by incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retread.core import NotFound
from retread.notify.message import Message
from retread.notify.post import checked_address, post_json
from retread.notify.slack_format import slack_payload
from retread.project import LoadedProject

VARIABLE = "RETREAD_SLACK_WEBHOOK"


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """Posts to one incoming webhook."""

    address: str = field(repr=False)
    timeout_s: float

    def send(self, message: Message) -> None:
        post_json(self.address, slack_payload(message), self.timeout_s)


def build(project: LoadedProject, environment: Mapping[str, str]) -> SlackNotifier | None:
    """From RETREAD_SLACK_WEBHOOK, or from the file [notify.slack] webhook_file."""
    settings = project.settings.notify.slack
    if not settings.enabled:
        return None
    name, address = VARIABLE, environment.get(VARIABLE, "")
    if not address and settings.webhook_file:
        path = project.root / settings.webhook_file
        if not path.is_file():
            raise NotFound(f"[notify.slack] webhook_file is {path}, which does not exist.")
        name, address = "[notify.slack] webhook_file", path.read_text("utf-8")
    if not address:
        return None
    return SlackNotifier(checked_address(name, address), settings.timeout_s)

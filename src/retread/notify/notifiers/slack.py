"""Slack, through an incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from retread.core import NotFound
from retread.notify.message import Message, Severity
from retread.notify.notifiers.webhook import checked_address, post_json
from retread.project import LoadedProject

VARIABLE = "RETREAD_SLACK_WEBHOOK"

_ICONS = {
    Severity.INFO: ":information_source:",
    Severity.SUCCESS: ":white_check_mark:",
    Severity.WARNING: ":warning:",
    Severity.FAILURE: ":x:",
}
_COLORS = {
    Severity.INFO: "#1264a3",
    Severity.SUCCESS: "#2eb67d",
    Severity.WARNING: "#ecb22e",
    Severity.FAILURE: "#e01e5a",
}
# Slack rejects the whole message if one text is longer.
_MAX_TEXT = 2900
_MAX_FIELD = 1900
_MAX_FIELDS = 10


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """Posts messages to one incoming webhook."""

    address: str = field(repr=False)
    timeout_s: float

    def send(self, message: Message) -> None:
        """Deliver a message; see `Notifier`."""
        post_json(self.address, slack_payload(message), self.timeout_s)


def build(project: LoadedProject, environment: Mapping[str, str]) -> SlackNotifier | None:
    """Set up a notifier for the address in RETREAD_SLACK_WEBHOOK or in a file.

    Raises:
        InvalidInput: The address is not valid.
        NotFound: [notify.slack] webhook_file does not exist.
    """
    settings = project.settings.notify.slack
    if not settings.enabled:
        return None
    name, address = VARIABLE, environment.get(VARIABLE, "")
    if not address and settings.webhook_file:
        path = project.root / settings.webhook_file
        if not path.is_file():
            raise NotFound(
                f"[notify.slack] webhook_file is {path}, which does not exist.",
                f"Create it, or set {VARIABLE} instead.",
            )
        name, address = "[notify.slack] webhook_file", path.read_text("utf-8")
    if not address:
        return None
    return SlackNotifier(checked_address(name, address), settings.timeout_s)


def slack_payload(message: Message) -> dict[str, Any]:
    """Return the body for an incoming webhook: a headline, and details next to a coloured bar."""
    blocks = [*_sections(message), *_footer(message)]
    headline = f"{_ICONS[message.severity]} {escaped(message.title, _MAX_TEXT)}"
    if not blocks:
        return {"text": headline}
    attachment = {"color": _COLORS[message.severity], "blocks": blocks}
    return {"text": headline, "attachments": [attachment]}


def escaped(text: str, longest: int) -> str:
    """Escape a text so that it contains no Slack markup, such as links and mentions.

    Args:
        text: The text.
        longest: Maximum length of the result. A longer text is cut off.

    >>> escaped("<!channel> & <https://evil.example|click>", 100)
    '&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;'
    """
    shown = text if len(text) <= longest else text[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    escaped_text = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Escaping makes texts longer. This must not cut an entity, so it cuts the original again.
    if len(escaped_text) > longest:
        return escaped(text[: max(1, longest // 6)], longest)
    return escaped_text


def _sections(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if message.lines:
        text = escaped("\n".join(message.lines), _MAX_TEXT)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    if message.fields:
        shown = list(message.fields.items())[:_MAX_FIELDS]
        texts = [f"*{escaped(name, 200)}*\n{escaped(value, _MAX_FIELD)}" for name, value in shown]
        fields = [{"type": "mrkdwn", "text": text} for text in texts]
        blocks.append({"type": "section", "fields": fields})
    return blocks


def _footer(message: Message) -> list[dict[str, Any]]:
    """Return when it happened, who caused it, and the links, in one line."""
    parts = [_date(message.at)] if message.at else []
    parts += [f"by {escaped(message.author, 200)}"] if message.author else []
    parts += [f"<{escaped(link.url, 500)}|{escaped(link.label, 100)}>" for link in message.links]
    if not parts:
        return []
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": "  |  ".join(parts)}]}]


def _date(at: datetime) -> str:
    """Return a time that Slack shows in the zone of its reader, and in UTC where it cannot."""
    plain = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{plain}>"

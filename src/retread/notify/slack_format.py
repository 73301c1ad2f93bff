"""Messages as Slack shows them."""

from __future__ import annotations

from typing import Any

from retread.notify.message import Link, Message, Severity

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
# Slack refuses a whole message for one text that is longer.
_LONGEST_TEXT = 2900
_LONGEST_FIELD = 1900
_MOST_FIELDS = 10


def slack_payload(message: Message) -> dict[str, Any]:
    """The body for an incoming webhook: a headline, and details behind a coloured bar."""
    blocks = [*_sections(message), *_footer(message.links)]
    headline = f"{_ICONS[message.severity]} {escaped(message.title, _LONGEST_TEXT)}"
    if not blocks:
        return {"text": headline}
    attachment = {"color": _COLORS[message.severity], "blocks": blocks}
    return {"text": headline, "attachments": [attachment]}


def escaped(text: str, longest: int) -> str:
    """`text` in which Slack finds no mark-up of its own: no link, no mention, no broadcast.

    >>> escaped("<!channel> & <https://evil.example|click>", 100)
    '&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;'
    """
    shown = text if len(text) <= longest else text[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    escaped_text = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Escaping makes a text longer; one full of brackets is cut again, at a whole entity.
    if len(escaped_text) > longest:
        return escaped(text[: max(1, longest // 6)], longest)
    return escaped_text


def _sections(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if message.lines:
        text = escaped("\n".join(message.lines), _LONGEST_TEXT)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    if message.fields:
        shown = list(message.fields.items())[:_MOST_FIELDS]
        texts = [
            f"*{escaped(name, 200)}*\n{escaped(value, _LONGEST_FIELD)}" for name, value in shown
        ]
        fields = [{"type": "mrkdwn", "text": text} for text in texts]
        blocks.append({"type": "section", "fields": fields})
    return blocks


def _footer(links: tuple[Link, ...]) -> list[dict[str, Any]]:
    if not links:
        return []
    text = "  |  ".join(f"<{escaped(link.url, 500)}|{escaped(link.label, 100)}>" for link in links)
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}]

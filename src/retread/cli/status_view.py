"""What runs and what goes on, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retread.app.supervisor import Status

if TYPE_CHECKING:
    from retread.app.overview import Overview, Retraining


def services_text(status: Status) -> str:
    """A line a service, and the last words of what died."""
    lines = []
    for service in status.services:
        restarts = f"  restarted {service.restarts} times" if service.restarts else ""
        where = f"{service.name:<10}{service.state.value:<10}{service.address:<24}"
        lines.append(f"{where}since {service.since}{restarts}")
        if service.next_start:
            lines.append(f"    starts again at {service.next_start}")
        lines += [f"    {line}" for line in service.last_lines]
    return "\n".join(lines)


def project_text(shown: Overview | None) -> str:
    """What serves, what is retrained, and what people may not have been told."""
    return "\n".join(_project_lines(shown)) if shown else "Nothing was recorded yet."


def _project_lines(shown: Overview) -> Iterator[str]:
    for slot in shown.slots:
        share = f" for {slot.share:.0%} of traffic" if slot.share < 1 else ""
        made = f"{slot.model_type} on {slot.dataset}"
        yield f"{slot.slot.capitalize()}: version {slot.version}{share} ({made})."
    if not any(slot.slot == "production" for slot in shown.slots):
        yield "Nothing is in production yet."
    for retraining in shown.retrainings:
        yield _progress(retraining)
    for message in shown.messages:
        yield message.text


def _progress(one: Retraining) -> str:
    about = f", version {one.version}" if one.version else ""
    share = f" at {one.share:.0%}" if one.phase == "canary" and one.share else ""
    since = one.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    why = f"{one.kind}: {one.detail}" if one.detail else one.kind
    return f"Retraining {one.trigger}: {one.phase}{share} since {since}{about} ({why})."

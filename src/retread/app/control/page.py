"""Render the status page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from retread.app.overview import Overview
from retread.core import format_metric
from retread.core.local_time import local_time

_TEMPLATES = Path(__file__).parent / "templates"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Links:
    """URLs of the other servers; None for an unknown one."""

    tracking: str | None
    serving: str | None


def status_page(overview: Overview, links: Links, now: datetime, zone: tzinfo | None = None) -> str:
    """Render the page as HTML; all text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["figure"] = figure
    environment.globals["moment"] = lambda at: moment(at, now, zone)
    environment.globals["local"] = lambda at: local_time(at, zone)
    return environment.get_template("status.html").render(overview=overview, links=links, now=now)


def moment(at: datetime | None, now: datetime, zone: tzinfo | None = None) -> Markup:
    """Return a time as an element: how long ago it was, and the exact time as its title."""
    if at is None:
        return Markup("")
    element = Markup('<time datetime="{}" title="{}">{}</time>')
    return element.format(at.isoformat(), local_time(at, zone), ago(at, now))


def figure(value: float | None) -> str:
    """Format a metric; an unknown one as a dash."""
    return "-" if value is None else format_metric(value)


def ago(at: datetime | None, now: datetime) -> str:
    """Format the time that has passed, in one unit.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2012, 1, 1, tzinfo=UTC)
    >>> ago(now - timedelta(minutes=5), now), ago(now, now)
    ('5 min ago', 'just now')
    """
    if at is None:
        return "-"
    seconds = int((now - at).total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago" if seconds >= 5 else "just now"

"""What people are told, whatever carries it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How a message looks."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A place to look further."""

    label: str
    url: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A title, sentences below it, and short figures by name; all of it plain text.

    `key` names what is told: no two messages have the same one.
    """

    title: str
    key: str = ""
    severity: Severity = Severity.INFO
    lines: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    links: tuple[Link, ...] = ()

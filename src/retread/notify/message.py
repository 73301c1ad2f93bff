"""Messages to people, and the port through which they are delivered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec
from msgspec.structs import force_setattr

from retread.core import Unavailable
from retread.core.visible_text import visible


class Severity(StrEnum):
    """How prominently a message is displayed."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link to details."""

    label: str
    url: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message in plain text.

    Attributes:
        title: One line.
        key: Identifies the message, so that it is not sent twice.
        severity: How prominently to display it.
        lines: Sentences below the title.
        fields: Short values by name.
        links: Where to find details.
        at: When what it tells of happened.
        author: Who caused it; empty if it is not known.
    """

    title: str
    key: str = ""
    severity: Severity = Severity.INFO
    lines: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    at: datetime | None = None
    author: str = ""

    def __post_init__(self) -> None:
        # What users wrote must neither fake a line nor hide one.
        fields = {visible(name): visible(value) for name, value in self.fields.items()}
        force_setattr(self, "title", visible(self.title))
        force_setattr(self, "lines", tuple(map(visible, self.lines)))
        force_setattr(self, "fields", fields)


class Undelivered(Unavailable):
    """The receiver did not accept a message.

    Attributes:
        retry_after: Minimum number of seconds to wait before the next attempt.
        permanent: Whether another attempt cannot succeed.
    """

    code = "undelivered"

    def __init__(self, reason: str, *, retry_after: float = 0.0, permanent: bool = False) -> None:
        self.retry_after = retry_after
        self.permanent = permanent
        super().__init__(reason)


class Unconfirmed(Unavailable):
    """A message was sent without a response: the receiver may or may not have accepted it."""

    code = "unconfirmed"


class Notifier(Protocol):
    """Delivers messages to people."""

    def send(self, message: Message) -> None:
        """Deliver a message.

        Raises:
            Undelivered: The receiver did not accept it.
            Unconfirmed: The receiver may or may not have accepted it.
        """
        ...

"""The port behind which a message leaves this machine."""

from __future__ import annotations

from typing import Protocol

from retread.core import Unavailable
from retread.notify.message import Message


class Undelivered(Unavailable):
    """The receiver did not take a message.

    `retry_after` is how many seconds it asked to wait, 0 if it did not say; `permanent` means
    that trying again cannot help.
    """

    code = "undelivered"

    def __init__(self, reason: str, *, retry_after: float = 0.0, permanent: bool = False) -> None:
        self.retry_after = retry_after
        self.permanent = permanent
        super().__init__(reason)


class Unconfirmed(Unavailable):
    """The whole message left, and no answer came: the receiver may or may not have taken it."""

    code = "unconfirmed"


class Notifier(Protocol):
    """Delivers messages; raises Undelivered, Unconfirmed."""

    def send(self, message: Message) -> None: ...

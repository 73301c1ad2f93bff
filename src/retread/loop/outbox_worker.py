"""The thread that sends the messages of the outbox."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping

from retread.core import RetreadError
from retread.loop.outbox import Outbox, OutboxMessage
from retread.notify import Notifier, Unconfirmed, Undelivered

POLL_S = 1.0

log = logging.getLogger(__name__)


class OutboxWorker:
    """Sends due messages, one after another, until it is stopped.

    Args:
        outbox: Where the messages are.
        notifiers: Notifiers by name.
    """

    def __init__(self, outbox: Outbox, notifiers: Mapping[str, Notifier]) -> None:
        self._outbox = outbox
        self._notifiers = dict(notifiers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox-worker", daemon=True)

    def start(self) -> None:
        """Start the thread; messages that a killed worker was sending are not sent again."""
        left = self._outbox.recover()
        if left:
            log.warning("%d messages may have been delivered and will not be sent again.", left)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop after the message that is being sent."""
        self._stop.set()
        self._thread.join(timeout_s)

    def deliver_one(self) -> bool:
        """Send one message that is due.

        Returns:
            False if none was due.
        """
        claimed = self._outbox.claim()
        if claimed is None:
            return False
        self._deliver(claimed)
        return True

    def _deliver(self, claimed: OutboxMessage) -> None:
        notifier, key = claimed.notifier, claimed.key
        try:
            self._send(claimed)
        except Unconfirmed as error:
            log.warning("%s may not have received %r: %s", notifier, key, error.message)
            self._outbox.mark_unconfirmed(claimed, error.message)
        except Undelivered as error:
            log.warning("%s did not deliver %r: %s", notifier, key, error.message)
            self._outbox.mark_failed(claimed, error, random.random())  # noqa: S311 (spreads attempts; no secret)
        else:
            self._outbox.mark_sent(claimed)

    def _send(self, claimed: OutboxMessage) -> None:
        notifier = self._notifiers.get(claimed.notifier)
        if notifier is None:
            raise Undelivered(f"The notifier {claimed.notifier!r} is no longer configured.")
        try:
            notifier.send(claimed.message)
        except (Undelivered, Unconfirmed):
            raise
        except (Exception, SystemExit) as error:  # a user's notifier; its failure is one attempt
            raise Undelivered(f"{type(error).__name__} in the notifier.") from error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                is_busy = self.deliver_one()
            except RetreadError as error:
                log.warning("The outbox cannot be read now: %s", error)
                is_busy = False
            if not is_busy:
                self._stop.wait(POLL_S)

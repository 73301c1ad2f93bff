"""The thread that empties the outbox."""

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
    """Sends what is due, one message after another, until it is stopped."""

    def __init__(self, outbox: Outbox, notifiers: Mapping[str, Notifier]) -> None:
        self._outbox = outbox
        self._notifiers = dict(notifiers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deliverer", daemon=True)

    def start(self) -> None:
        left = self._outbox.recover()
        if left:
            log.warning("%d messages may or may not have arrived; they are not sent again.", left)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Wait for the message that is under way."""
        self._stop.set()
        self._thread.join(timeout_s)

    def deliver_one(self) -> bool:
        """Send one message that is due; False if there was none."""
        letter = self._outbox.claim()
        if letter is None:
            return False
        self._deliver(letter)
        return True

    def _deliver(self, letter: OutboxMessage) -> None:
        try:
            self._send(letter)
        except Unconfirmed as error:
            log.warning("%s may not have got %r: %s", letter.notifier, letter.key, error.message)
            self._outbox.unconfirmed(letter, error.message)
        except Undelivered as error:
            log.warning("%s did not take %r: %s", letter.notifier, letter.key, error.message)
            # Jitter spreads tries; nothing is decided by it.
            self._outbox.failed(letter, error, random.random())  # noqa: S311 (no secret)
        else:
            self._outbox.sent(letter)

    def _send(self, letter: OutboxMessage) -> None:
        notifier = self._notifiers.get(letter.notifier)
        if notifier is None:
            raise Undelivered(f"The notifier {letter.notifier!r} is not set up any more.")
        try:
            notifier.send(letter.message)
        except (Undelivered, Unconfirmed):
            raise
        except Exception as error:  # a notifier may be anybody's; its failure is one more try
            raise Undelivered(f"{type(error).__name__} in the notifier.") from error

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                busy = self.deliver_one()
            except RetreadError as error:
                log.warning("The outbox cannot be read now: %s", error)
                busy = False
            if not busy:
                self._stop.wait(POLL_S)

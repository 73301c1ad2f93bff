"""The health of the loop: which of its parts failed last time, since when, and why.

What fails is written to a file in the project's home, because the database may be what fails;
`retread status`, `doctor`, the status page and /metrics read it. Notifications say when a part
goes on failing, and when it works again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from retread.core import Clock, RetreadError, write_atomically
from retread.loop import messages
from retread.loop.messages import MessageContext
from retread.loop.outbox import Outbox
from retread.notify import Message

FAILURES_TO_ANNOUNCE = 3
"""So many failures in a row are announced; one alone may be a database that was busy."""

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class PartFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the loop that failed last time.

    Attributes:
        part: What failed, such as "The monitor".
        since: When it failed first.
        failures: How often it has failed in a row.
        error: Why it failed last.
    """

    part: str
    since: datetime
    failures: int
    error: str

    @property
    def key(self) -> str:
        """Identity of this failure, under which it is announced once."""
        return f"part/{self.part}/{self.since:%Y%m%dT%H%M%S}"


class LoopHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that fail, and when the loop ended its last step.

    `notifiers` names those whose addresses the loop was started with.
    """

    at: datetime
    failures: tuple[PartFailure, ...] = ()
    notifiers: tuple[str, ...] = ()


def read_health(file: Path) -> LoopHealth | None:
    """Return the health that was last written; None if there is none, or it is not readable."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=LoopHealth)
    except (OSError, msgspec.DecodeError):
        return None


class PartRunner:
    """Runs the parts of the loop, so that one that fails neither ends nor hides the others.

    Args:
        file: Where the health is written.
        clock: Tells the time.
        outbox: Where notifications are queued.
        context: What every notification mentions.
        notifiers: Names of the notifiers that have an address.
    """

    def __init__(
        self,
        file: Path,
        clock: Clock,
        outbox: Outbox,
        context: MessageContext,
        notifiers: Iterable[str],
    ) -> None:
        self._file = file
        self._clock = clock
        self._outbox = outbox
        self._context = context
        self._notifiers = tuple(sorted(notifiers))
        # A loop that was restarted announces nothing twice, and still tells of a recovery.
        before = read_health(file)
        self._failing = {failure.part: failure for failure in before.failures} if before else {}
        self._attempted: set[str] = set()

    def attempt(self, part: str, work: Callable[[], Value]) -> Value | None:
        """Return the result of `work`; None if it failed."""
        self._attempted.add(part)
        try:
            result = work()
        except RetreadError as error:
            self._fail(part, str(error), None)
        except Exception as error:  # includes what a detector or trigger of the user's own raises
            self._fail(part, f"{type(error).__name__}: {error}", error)
        else:
            self._recover(part)
            return result
        return None

    def end_step(self) -> None:
        """Write the health as it is after a step; a part that no longer runs does not fail."""
        self._failing = {p: f for p, f in self._failing.items() if p in self._attempted}
        self._attempted.clear()
        health = LoopHealth(
            at=self._clock.now(),
            failures=tuple(self._failing.values()),
            notifiers=self._notifiers,
        )
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, msgspec.json.encode(health), durable=False)
        except OSError as error:
            log.warning("The health of the loop cannot be written: %s", error)

    def _fail(self, part: str, text: str, unexpected: Exception | None) -> None:
        before = self._failing.get(part)
        if before is None:
            failure = PartFailure(part=part, since=self._clock.now(), failures=1, error=text)
        else:
            failure = replace(before, failures=before.failures + 1, error=text)
        self._failing[part] = failure
        if before is None or before.error != text:
            log.warning("%s failed and will be retried: %s", part, text, exc_info=unexpected)
        if failure.failures == FAILURES_TO_ANNOUNCE:
            message = messages.part_failed(self._context, part, failure.error)
            self._announce(failure.key, message)

    def _recover(self, part: str) -> None:
        failure = self._failing.pop(part, None)
        if failure is None:
            return
        log.info("%s works again.", part)
        if failure.failures >= FAILURES_TO_ANNOUNCE:
            message = messages.part_recovered(self._context, part, failure.since)
            self._announce(f"{failure.key}/recovered", message)

    def _announce(self, key: str, message: Message) -> None:
        try:
            self._outbox.enqueue(key, message)
        except RetreadError as error:
            log.warning("A notification could not be queued: %s", error)

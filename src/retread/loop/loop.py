"""The loop: looks at the traffic, asks the arbiter, and has retrainings run one at a time.

Import this module directly; it loads DBOS.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from retread.core import RetreadError, new_id
from retread.loop import messages
from retread.loop.deliverer import OutboxWorker
from retread.loop.engine import DurableEngine
from retread.loop.history import Request, fold_history
from retread.loop.notice import announce
from retread.loop.observe import noticed, trigger_context
from retread.loop.once import append_once
from retread.loop.ports import LoopPorts
from retread.loop.retraining import retrain
from retread.loop.steps import Steps
from retread.loop.submit import resubmit, submit
from retread.loop.watched_source import WatchedSource
from retread.notify import Notifier
from retread.registry.events import Event, RetrainingFinished, RetrainingOutcome

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class Monitor(Protocol):
    """Looks at new traffic once, and appends what it finds to the ledger."""

    def step(self) -> Sequence[Event]: ...


class Loop:
    """One project's loop; at most one runs at a time.

    `workflows_url` is the address of the durable workflows' memory.
    """

    def __init__(
        self,
        ports: LoopPorts,
        monitor: Monitor,
        notifiers: Mapping[str, Notifier],
        workflows_url: str,
        new_trigger_id: Callable[[], str] = lambda: new_id("trg"),
    ) -> None:
        self._ports = ports
        self._monitor = monitor
        self._new_trigger_id = new_trigger_id
        self._deliverer = OutboxWorker(ports.outbox, notifiers)
        self._engine = DurableEngine("retread", workflows_url, self._retrain)
        self._source = WatchedSource(ports.data, ports.ledger)
        self._begun: set[str] = set()
        self._told = 0

    @property
    def waiting_for(self) -> str:
        """What the retraining under way waits for: 'labels', 'traffic', or '' for nothing."""
        return self._ports.waiting.reason

    def start(self) -> None:
        """Take up what was open, and deliver what was not sent."""
        self._engine.start()
        self._deliverer.start()

    def step(self) -> tuple[Request, ...]:
        """Look once: traffic, source, triggers; start what is next. What was newly decided.

        A part that fails is logged and tried again at the next look; the others go on.
        """
        _guarded("The monitor", self._monitor.step)
        _guarded("The open promotion", self._ports.models.settle_overdue)
        if self._ports.settings.triggers.watch_source:
            _guarded("[data] source", self._source.look)
        decided = _guarded("The arbiter", self._ask_arbiter)
        _guarded("What people are told", self._tell)
        _guarded("The next retraining", self._start_next)
        return decided or ()

    def settle(self, timeout_s: float) -> bool:
        """Wait until no retraining runs, or the one that runs waits for traffic or labels.

        Whatever was recorded before the call has been read by then. False when time was up.
        """
        return self._ports.waiting.settle(self._idle, timeout_s)

    def run(self, stop: threading.Event, interval_s: float) -> None:
        """Step until `stop` is set."""
        while not stop.is_set():
            self.step()
            stop.wait(interval_s)

    def stop(self) -> None:
        """Interrupt what waits, and let go of everything; the next start goes on from here."""
        self._ports.waiting.stop()
        self._deliverer.stop()
        self._engine.stop()

    def _retrain(self, trigger: str, steps: Steps) -> str:
        ending = retrain(trigger, self._ports, steps)
        return msgspec.json.encode(ending).decode()

    def _ask_arbiter(self) -> tuple[Request, ...]:
        ports = self._ports
        policy = ports.settings.triggers
        entries = ports.ledger.read()
        view = trigger_context(ports.settings, entries, ports.model_types(), ports.clock.now())
        found = noticed(view, fold_history(entries))
        decided = [
            submit(ports.ledger, proposal, policy, ports.clock, self._new_trigger_id)
            for proposal in found.new
        ]
        decided += [resubmit(ports.ledger, t, policy, ports.clock) for t in found.put_off]
        return tuple(decided)

    def _tell(self) -> None:
        entries = self._ports.ledger.read()
        if len(entries) == self._told:
            return
        announce(self._ports)
        self._told = len(entries)

    def _start_next(self) -> None:
        open_requests = [r for r in fold_history(self._ports.ledger.read()) if r.open]
        if not open_requests:
            return
        trigger = open_requests[0].trigger
        if trigger not in self._begun:
            self._begun.add(trigger)
            self._engine.run(trigger)
        failure = self._engine.failure(trigger)
        if failure:
            self._give_up(open_requests[0], failure)

    def _give_up(self, request: Request, failure: str) -> None:
        """A workflow that could not even record its end must not block those after it."""
        finished = RetrainingFinished(
            trigger=request.trigger, outcome=RetrainingOutcome.FAILED, reason=failure
        )
        append_once(self._ports.ledger, finished, by=("trigger",))
        told = messages.retraining_failed(
            self._ports.sender, request.proposal.detail or request.proposal.kind, failure
        )
        self._ports.outbox.enqueue(f"{request.trigger}/failed", told)

    def _idle(self) -> bool:
        history = fold_history(self._ports.ledger.read())
        return not any(r.open and r.trigger in self._begun for r in history)


def _guarded(part: str, look: Callable[[], Value]) -> Value | None:
    """What `look` gives; None when it fails, so that no part can keep the others from theirs."""
    try:
        return look()
    except RetreadError as error:
        log.warning("%s came to nothing at this look: %s", part, error)
    except Exception:  # also what a detector or a trigger of the user's own raises
        log.exception("%s failed at this look.", part)
    return None

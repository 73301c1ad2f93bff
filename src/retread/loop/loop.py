"""The loop: looks at the traffic, asks the arbiter, and has retrainings run one at a time.

Import this module directly; it loads DBOS.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from retread.core import RetreadError, new_id
from retread.loop import messages
from retread.loop.deliverer import Deliverer
from retread.loop.engine import DurableEngine
from retread.loop.history import Request, fold_history
from retread.loop.notice import notices
from retread.loop.observe import noticed, view_at
from retread.loop.once import append_once
from retread.loop.ports import LoopPorts
from retread.loop.record_data import record_version
from retread.loop.retraining import retrain, sender_of
from retread.loop.steps import Steps
from retread.loop.submit import resubmit, submit
from retread.notify import Notifier
from retread.registry.events import Event, RetrainingFinished

log = logging.getLogger(__name__)


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
        self._deliverer = Deliverer(ports.outbox, notifiers)
        self._engine = DurableEngine("retread", workflows_url, self._retrain)
        self._begun: set[str] = set()
        self._told = 0
        self._fingerprint: str | None = None

    @property
    def waiting_for(self) -> str:
        """What the retraining under way waits for: 'labels', 'traffic', or '' for nothing."""
        return self._ports.waiting.reason

    def start(self) -> None:
        """Take up what was open, and deliver what was not sent."""
        self._engine.start()
        self._deliverer.start()

    def step(self) -> tuple[Request, ...]:
        """Look once: traffic, source, triggers; start what is next. What was newly decided."""
        self._monitor.step()
        self._look_at_source()
        decided = self._ask_arbiter()
        self._tell()
        self._start_next()
        return decided

    def settle(self, timeout_s: float) -> bool:
        """Wait until no retraining runs, or the one that runs waits for traffic or labels.

        Whatever was recorded before the call has been read by then. False when time was up.
        """
        return self._ports.waiting.settle(self._idle, timeout_s)

    def run(self, stop: threading.Event, interval_s: float) -> None:
        """Step until `stop` is set; a part that does not answer is asked again next time."""
        while not stop.is_set():
            try:
                self.step()
            except RetreadError as error:
                log.warning("This look came to nothing: %s", error)
            stop.wait(interval_s)

    def stop(self) -> None:
        """Interrupt what waits, and let go of everything; the next start goes on from here."""
        self._ports.waiting.stop()
        self._deliverer.stop()
        self._engine.stop()

    def _retrain(self, trigger: str, steps: Steps) -> str:
        ending = retrain(trigger, self._ports, steps)
        return msgspec.json.encode(ending).decode()

    def _look_at_source(self) -> None:
        """Version what [data] source holds, when it changed."""
        if not self._ports.settings.triggers.watch_source:
            return
        fingerprint = self._ports.data.fingerprint()
        if fingerprint in ("", self._fingerprint):
            return
        # Looked at once, good or bad: what is wrong with it is not said every few seconds.
        self._fingerprint = fingerprint
        try:
            record_version(self._ports.ledger, self._ports.data.add_source())
        except RetreadError as error:
            log.warning("[data] source changed, and cannot be added: %s", error)

    def _ask_arbiter(self) -> tuple[Request, ...]:
        ports = self._ports
        policy = ports.settings.triggers
        entries = ports.ledger.read()
        view = view_at(ports.settings, entries, ports.model_types(), ports.clock.now())
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
        for key, message in notices(entries, sender_of(self._ports)):
            self._ports.outbox.enqueue(key, message)
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
        finished = RetrainingFinished(trigger=request.trigger, outcome="failed", reason=failure)
        append_once(self._ports.ledger, finished, by=("trigger",))
        told = messages.retraining_failed(
            sender_of(self._ports), request.proposal.detail or request.proposal.kind, failure
        )
        self._ports.outbox.enqueue(f"{request.trigger}/failed", told)

    def _idle(self) -> bool:
        history = fold_history(self._ports.ledger.read())
        return not any(r.open and r.trigger in self._begun for r in history)

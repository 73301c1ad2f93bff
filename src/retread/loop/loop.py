"""The loop: watches the traffic, evaluates the triggers, and runs one retraining at a time.

Import this module by name; it loads DBOS.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from retread.core import Conflict, RetreadError, Unavailable, new_id
from retread.loop import messages
from retread.loop.arbiter import arbitrate
from retread.loop.engine import DurableEngine
from retread.loop.health import PartRunner
from retread.loop.idempotency import append_once, record_dataset_version
from retread.loop.messages import ServiceFailure
from retread.loop.notifications import enqueue_notifications
from retread.loop.outbox_worker import OutboxWorker
from retread.loop.ports import DataPort, LoopPorts, TrafficMonitor
from retread.loop.trigger_evaluation import evaluate_triggers, resubmit, submit, trigger_context
from retread.loop.trigger_requests import History, Request, fold_history
from retread.loop.wait_point import WaitReason
from retread.loop.workflow import WORKFLOW_VERSION, retrain
from retread.loop.workflow_context import Steps
from retread.notify import Notifier
from retread.registry.events import RetrainingFinished, RetrainingOutcome, TriggerDecision
from retread.registry.ledger import Entry, Ledger

log = logging.getLogger(__name__)


class _Snapshot(NamedTuple):
    """The ledger as it was read last, and the requests in it."""

    entries: tuple[Entry, ...]
    history: History


class Loop:
    """The loop of one project. At most one runs per project.

    Args:
        ports: The rest of the system.
        monitor: Watches the recorded traffic.
        notifiers: Notifiers by name.
        workflows_url: SQLAlchemy URL of the database with the checkpoints of the workflows.
        health_file: Where the loop writes which of its parts fail.
        new_trigger_id: Makes the id of a trigger.
        failed_services: Returns the services that ended or do not respond.
    """

    def __init__(
        self,
        ports: LoopPorts,
        monitor: TrafficMonitor,
        notifiers: Mapping[str, Notifier],
        workflows_url: str,
        health_file: Path,
        new_trigger_id: Callable[[], str] = lambda: new_id("trg"),
        failed_services: Callable[[], Sequence[ServiceFailure]] = tuple,
    ) -> None:
        self._ports = ports
        self._monitor = monitor
        self._new_trigger_id = new_trigger_id
        self._failed_services = failed_services
        context = ports.message_context
        self._parts = PartRunner(health_file, ports.clock, ports.outbox, context, notifiers)
        self._outbox_worker = OutboxWorker(ports.outbox, notifiers)
        self._engine = DurableEngine("retread", workflows_url, self._retrain, WORKFLOW_VERSION)
        self._source = SourceWatcher(ports.data, ports.ledger)
        self._started: set[str] = set()
        self._announced = 0
        self._started_at = ports.clock.now()

    @property
    def waiting_for(self) -> WaitReason | None:
        """What the running retraining waits for; None if it does not wait."""
        return self._ports.wait_point.reason

    def start(self) -> None:
        """Continue what was open, and send what was not sent."""
        self._engine.start()
        self._outbox_worker.start()

    def step(self) -> tuple[Request, ...]:
        """Watch the traffic and the source, evaluate the triggers, and start the next retraining.

        A part that fails runs again on the next step; the others continue. What fails is logged,
        written to the health of the loop, and announced if it goes on.

        Returns:
            The requests on which the arbiter decided.
        """
        decided = self._run_parts()
        self._parts.end_step()
        return decided

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no retraining runs, or the running one waits for traffic or labels.

        Everything recorded before the call has been read by then.

        Returns:
            False if the time was up first.
        """
        return self._ports.wait_point.wait_until_idle(self._is_idle, timeout_s)

    def run(self, stop: threading.Event, interval_s: float) -> None:
        """Step until `stop` is set, and pause for `interval_s` in between."""
        while not stop.is_set():
            self.step()
            stop.wait(interval_s)

    def stop(self) -> None:
        """Interrupt what waits and release everything; the next start continues from here."""
        self._ports.wait_point.stop()
        self._outbox_worker.stop()
        self._engine.stop()

    def _run_parts(self) -> tuple[Request, ...]:
        attempt = self._parts.attempt
        attempt("The monitor", self._monitor.step)
        attempt("Settling the open promotion", self._ports.promoter.settle_overdue)
        if self._ports.settings.triggers.watch_source:
            attempt("Watching [data] source", self._source.check)
        attempt("Watching the services", self._announce_services)
        snapshot = attempt("Reading the ledger", self._read)
        if snapshot is None:
            return ()
        decided = attempt("The arbiter", partial(self._decide, snapshot)) or ()
        if any(request not in snapshot.history for request in decided):
            snapshot = attempt("Reading the ledger", self._read) or snapshot
        attempt("Queueing notifications", partial(self._announce, snapshot.entries))
        attempt("Starting the next retraining", partial(self._start_next, snapshot.history))
        return decided

    def _announce_services(self) -> None:
        for failure in self._failed_services():
            message = messages.service_failed(self._ports.message_context, failure)
            self._ports.outbox.enqueue(failure.key, message)

    def _read(self) -> _Snapshot:
        entries = self._ports.ledger.read()
        return _Snapshot(entries, fold_history(entries))

    def _decide(self, snapshot: _Snapshot) -> tuple[Request, ...]:
        ports = self._ports
        policy, now = ports.settings.triggers, ports.clock.now()
        context = trigger_context(ports.settings, snapshot.entries, ports.model_types(), now)
        evaluation = evaluate_triggers(context, snapshot.history)
        decided = [
            submit(ports.ledger, proposal, policy, ports.clock, self._new_trigger_id)
            for proposal in evaluation.new
        ]
        for request in evaluation.deferred:
            ruling = arbitrate(request.proposal, snapshot.history, policy, now)
            # As long as the cooldown lasts, the ledger is spared a write lock on every step.
            lasts = ruling.decision is TriggerDecision.COOLDOWN
            decided.append(
                request if lasts else resubmit(ports.ledger, request, policy, ports.clock)
            )
        return tuple(decided)

    def _announce(self, entries: tuple[Entry, ...]) -> None:
        if len(entries) > self._announced:
            is_first = self._announced == 0
            fold_before = self._started_at if is_first else None
            enqueue_notifications(self._ports, entries, fold_before)
            self._announced = len(entries)

    def _start_next(self, history: History) -> None:
        request = next((request for request in history if request.open), None)
        if request is None:
            return
        if request.trigger not in self._started:
            self._started.add(request.trigger)
            self._engine.run(request.trigger)
        failure = self._engine.failure(request.trigger)
        if failure is not None:
            self._give_up(request, failure)

    def _retrain(self, trigger: str, steps: Steps) -> str:
        return msgspec.json.encode(retrain(trigger, self._ports, steps)).decode()

    def _give_up(self, request: Request, failure: str) -> None:
        """End a retraining whose workflow could not record its end; it must not block the next."""
        finished = RetrainingFinished(
            trigger=request.trigger, outcome=RetrainingOutcome.FAILED, reason=failure
        )
        append_once(self._ports.ledger, finished, by=("trigger",))
        cause = request.proposal.detail or request.proposal.kind
        message = messages.retraining_failed(self._ports.message_context, cause, failure)
        self._ports.outbox.enqueue(f"{request.trigger}/failed", message)

    def _is_idle(self) -> bool:
        return not any(r.open and r.trigger in self._started for r in self._read().history)


class SourceWatcher:
    """Adds a dataset version when [data] source has changed.

    A change counts once two checks in a row agree on it: a folder that is still being copied
    differs from check to check.

    Args:
        data: The dataset and its source.
        ledger: Where the version is recorded.
    """

    def __init__(self, data: DataPort, ledger: Ledger) -> None:
        self._data = data
        self._ledger = ledger
        self._last_seen: str | None = None
        self._last_added: str | None = None
        self._refusal: RetreadError | None = None

    def check(self) -> None:
        """Add a version if the source has changed and is settled.

        Raises:
            RetreadError: The source cannot be added as it is. It is not read again before it
                changes, and this is raised until then.
        """
        found = self._data.fingerprint()
        is_settled = found == self._last_seen
        self._last_seen = found
        if found == self._last_added and self._refusal is not None:
            raise self._refusal
        if not found or not is_settled or found == self._last_added:
            return
        self._refusal = None
        try:
            record_dataset_version(self._ledger, self._data.add_source())
        except (Conflict, Unavailable) as error:
            log.warning("[data] source will be added at the next check: %s", error)
            return
        except RetreadError as error:
            self._refusal = error
        self._last_added = found
        if self._refusal is not None:
            raise self._refusal

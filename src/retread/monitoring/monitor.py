"""The monitor: reads new traffic and labels, and appends alarms to the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from retread.bundle import BundleStore
from retread.core import Clock, Database
from retread.monitoring.detector import load_detector
from retread.monitoring.performance import (
    degradation,
    expect_labels,
    fresh_performance,
    join_labels,
)
from retread.monitoring.report import MonitorReport, make_report
from retread.monitoring.state import MonitorState, load_state, save_state
from retread.monitoring.watch import (
    MonitoredVersion,
    Production,
    Watch,
    add_records,
    monitored_version,
    of_production,
    process_window,
    production_of,
    start_watch,
)
from retread.project import Settings
from retread.registry.events import (
    AlarmEvent,
    DegradationDetected,
    DriftDetected,
    Event,
    LedgerEvent,
)
from retread.registry.ledger import Entry, Ledger
from retread.serving.traffic import Cursor, LabelStore, TrafficLog

_BATCH = 1_000
_MOST_BATCHES = 50


class Monitor:
    """Watches the production version; only one process at a time may call `step`.

    Each promotion starts a new watch. An alarm that persists is repeated only after
    `monitoring.repeat_s`, according to the ledger: a process that dies after an alarm, before it
    saves its state, processes the same windows again, and neither counts nor reports them twice.

    Args:
        ledger: Where promotions are read, and alarms appended.
        bundles: Where the reference of each version is stored.
        traffic: The recorded predictions.
        labels: The labels that have arrived.
        database: Where the monitor saves its state.
        settings: The settings of the project.
        clock: The time of alarms.

    Raises:
        UnknownOption: There is no detector of a configured name.
        InvalidInput: A detector of the user's own cannot be loaded.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        bundles: BundleStore,
        traffic: TrafficLog,
        labels: LabelStore,
        database: Database,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._bundles = bundles
        self._traffic = traffic
        self._labels = labels
        self._database = database
        self._settings = settings
        self._clock = clock
        self._detectors = {name: load_detector(name) for name in settings.monitoring.detectors}
        self._entries: list[Entry] = []
        self._version: MonitoredVersion | None = None
        self._saved: MonitorState | None = None

    def step(self) -> tuple[AlarmEvent, ...]:
        """Process new traffic and labels once, and save the state.

        Returns:
            The alarms that were appended to the ledger.

        Raises:
            NotFound: The bundle in production does not exist.
            IntegrityBroken: A file of it is not the one that the manifest names.
        """
        version = self._current_version()
        if version is None:
            return ()
        saved = self._last_saved(version.production)
        after, found = self._process(self._current_state(saved, version), version)
        raised = tuple(alarm for alarm in found if self._append(alarm, version.production))
        if after is not saved and save_state(self._database, after, self._detectors, saved=saved):
            self._saved = after
        return raised

    def report(self) -> MonitorReport:
        """Report on the production version now, without changing anything.

        Raises:
            NotFound: The bundle in production does not exist.
            IntegrityBroken: A file of it is not the one that the manifest names.
        """
        version = self._current_version()
        if version is None:
            return MonitorReport()
        saved = load_state(self._database, self._detectors)
        state, _ = self._process(self._current_state(saved, version), version)
        return make_report(
            state, version, self._detectors, self._settings.monitoring, self._entries
        )

    def _current_version(self) -> MonitoredVersion | None:
        """Return the production version; its bundle is read once."""
        after = self._entries[-1].sequence if self._entries else 0
        self._entries.extend(self._ledger.read(after=after))
        production = production_of(self._entries)
        if production is None:
            return None
        if self._version is None or self._version.production != production:
            self._version = monitored_version(production, self._bundles, self._settings)
        return self._version

    def _last_saved(self, production: Production) -> MonitorState | None:
        """Return what is stored. Another process may have promoted, and replaced it."""
        if self._saved is None or self._saved.promotion != production.sequence:
            self._saved = load_state(self._database, self._detectors)
        return self._saved

    def _current_state(self, state: MonitorState | None, version: MonitoredVersion) -> MonitorState:
        """Return the stored state of this promotion, or a new one that reads on from the last."""
        sequence = version.production.sequence
        known = state.watch.states if state else {}
        if state and state.promotion == sequence and known.keys() == self._detectors.keys():
            return state
        fresh = start_watch(version, self._detectors)
        performance = fresh_performance(version.baseline) if version.baseline else None
        if state and state.promotion == sequence:
            states = {**fresh.states, **known}
            watch = replace(state.watch, states=states)
            return replace(state, watch=watch, performance=state.performance or performance)
        return MonitorState(
            promotion=sequence,
            cursor=state.cursor if state else Cursor(),
            watch=fresh,
            performance=performance,
            labels=state.labels if state else 0,
        )

    def _process(
        self, state: MonitorState, version: MonitoredVersion
    ) -> tuple[MonitorState, list[AlarmEvent]]:
        found: list[AlarmEvent] = []
        start = state.cursor
        for _ in range(_MOST_BATCHES):
            records, cursor = self._traffic.read(state.cursor, _BATCH)
            if not records:
                break
            self._labels.note_answers(records)
            new = of_production(records, version.production)
            watch, alarms = self._process_windows(add_records(state.watch, new), version)
            performance = state.performance and expect_labels(state.performance, new)
            state = replace(state, cursor=cursor, watch=watch, performance=performance)
            found.extend(alarms)
        state = self._join(state, version, more=state.cursor != start)
        if state.performance and version.baseline:
            degraded = degradation(
                state.performance,
                version.baseline,
                version.production.version,
                self._settings.monitoring,
            )
            found.extend([degraded] if degraded else [])
        return state, found

    def _process_windows(
        self, watch: Watch, version: MonitoredVersion
    ) -> tuple[Watch, list[DriftDetected]]:
        found: list[DriftDetected] = []
        settings = self._settings.monitoring
        while len(watch.waiting) >= settings.window:
            watch, alarms = process_window(watch, version, self._detectors, settings)
            found.extend(alarms)
        return watch, found

    def _join(self, state: MonitorState, version: MonitoredVersion, *, more: bool) -> MonitorState:
        """Join labels, if there are new labels or (`more`) new predictions."""
        count = self._labels.count()
        if not (state.performance and version.baseline) or (count == state.labels and not more):
            return state
        before = state.performance
        labels = self._labels.get([prediction.id for prediction in before.waiting])
        missed = max(0, before.missed + (count - state.labels) - len(labels))
        performance = join_labels(before, labels, version.baseline)
        performance = msgspec.structs.replace(performance, missed=missed)
        return replace(state, performance=performance, labels=count)

    def _append(self, alarm: AlarmEvent, production: Production) -> bool:
        after = self._clock.now() - timedelta(seconds=self._settings.monitoring.repeat_s)

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            # Another process may have promoted since the traffic was read.
            is_over = production_of(entries) != production
            return () if is_over or reported(alarm, entries, production, after) else (alarm,)

        if reported(alarm, self._entries, production, after):
            return False
        return bool(self._ledger.transact(decide))


def reported(
    alarm: AlarmEvent, entries: Sequence[Entry], production: Production, after: datetime
) -> bool:
    """Tell whether such an alarm about this promotion was recorded later than `after`."""
    return any(
        _is_same_kind(alarm, entry.event) and entry.at > after
        for entry in entries
        if entry.sequence > production.sequence
    )


def _is_same_kind(alarm: AlarmEvent, event: LedgerEvent) -> bool:
    if isinstance(alarm, DriftDetected):
        return isinstance(event, DriftDetected) and event.detector == alarm.detector
    return isinstance(event, DegradationDetected)

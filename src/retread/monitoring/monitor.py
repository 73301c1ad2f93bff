"""The monitor: looks at new traffic and labels, and puts alarms into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from retread.bundle import BundleStore
from retread.core import Clock, Database
from retread.monitoring.detector import load_detector
from retread.monitoring.memory import Memory, load_memory, save_memory
from retread.monitoring.performance import (
    degradation,
    expect_labels,
    fresh_performance,
    join_labels,
)
from retread.monitoring.production import MonitoredVersion, Production, production_of, subject_of
from retread.monitoring.report import MonitorReport, make_report
from retread.monitoring.watch import Watch, begin, look, of_production, take_in
from retread.project import Settings
from retread.registry.events import DegradationDetected, DriftDetected, Event
from retread.registry.ledger import Entry, Ledger
from retread.serving.traffic import Cursor, LabelStore, TrafficLog

_BATCH = 1_000
_MOST_BATCHES = 50

Alarm = DriftDetected | DegradationDetected


class Monitor:
    """Watches the production version; one process at a time may call `step`.

    Each promotion begins a new watch. An alarm that is still there is repeated only after
    `monitoring.repeat_s`, by what the ledger says: a process that died between alarm and
    memory looks at the same windows again, and neither counts nor reports them twice.
    """

    def __init__(
        self,
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
        self._subject: MonitoredVersion | None = None
        self._memory: Memory | None = None

    def step(self) -> tuple[Alarm, ...]:
        """Look once at what is new; the alarms that were appended to the ledger."""
        subject = self._follow()
        if subject is None:
            return ()
        before = self._remembered(subject)
        after, found = self._look(before, subject)
        raised = tuple(alarm for alarm in found if self._append(alarm, subject.production))
        if after is not before:
            save_memory(self._database, after, self._detectors, saved=self._memory)
        self._memory = after
        return raised

    def report(self) -> MonitorReport:
        """How things are now; nothing is changed by asking."""
        subject = self._follow()
        if subject is None:
            return MonitorReport()
        memory, _ = self._look(self._remembered(subject), subject)
        return make_report(
            memory, subject, self._detectors, self._settings.monitoring, self._entries
        )

    def _follow(self) -> MonitoredVersion | None:
        """The production version now; its bundle is read once."""
        after = self._entries[-1].sequence if self._entries else 0
        self._entries.extend(self._ledger.read(after=after))
        production = production_of(self._entries)
        if production is None:
            return None
        if self._subject is None or self._subject.production != production:
            self._subject = subject_of(production, self._bundles, self._settings)
        return self._subject

    def _remembered(self, subject: MonitoredVersion) -> Memory:
        """The memory of this promotion, or a new one that goes on reading where the last did."""
        memory = self._memory or load_memory(self._database, self._detectors)
        sequence = subject.production.sequence
        known = memory.watch.states if memory else {}
        if memory and memory.promotion == sequence and known.keys() == self._detectors.keys():
            return memory
        fresh = begin(subject, self._detectors)
        if memory and memory.promotion == sequence:
            states = {**fresh.states, **known}
            return replace(memory, watch=replace(memory.watch, states=states))
        return Memory(
            promotion=sequence,
            cursor=memory.cursor if memory else Cursor(),
            watch=fresh,
            performance=fresh_performance(subject.expectation) if subject.expectation else None,
            labels=memory.labels if memory else 0,
        )

    def _look(self, memory: Memory, subject: MonitoredVersion) -> tuple[Memory, list[Alarm]]:
        found: list[Alarm] = []
        start = memory.cursor
        for _ in range(_MOST_BATCHES):
            records, cursor = self._traffic.read(memory.cursor, _BATCH)
            if not records:
                break
            new = of_production(records, subject.production)
            watch, alarms = self._windows(take_in(memory.watch, new), subject)
            performance = memory.performance and expect_labels(memory.performance, new)
            memory = replace(memory, cursor=cursor, watch=watch, performance=performance)
            found.extend(alarms)
        memory = self._join(memory, subject, more=memory.cursor != start)
        if memory.performance and subject.expectation:
            version = subject.production.version
            degraded = degradation(
                memory.performance, subject.expectation, version, self._settings.monitoring
            )
            found.extend([degraded] if degraded else [])
        return memory, found

    def _windows(
        self, watch: Watch, subject: MonitoredVersion
    ) -> tuple[Watch, list[DriftDetected]]:
        found: list[DriftDetected] = []
        while len(watch.waiting) >= self._settings.monitoring.window:
            watch, alarms = look(watch, subject, self._detectors, self._settings.monitoring)
            found.extend(alarms)
        return watch, found

    def _join(self, memory: Memory, subject: MonitoredVersion, *, more: bool) -> Memory:
        """Join labels, if there are new ones or new answers."""
        count = self._labels.count()
        if not (memory.performance and subject.expectation) or (
            count == memory.labels and not more
        ):
            return memory
        before = memory.performance
        labels = self._labels.get([answered.id for answered in before.waiting])
        missed = before.missed + (count - memory.labels) - len(labels)
        performance = join_labels(before, labels, subject.expectation)
        performance = msgspec.structs.replace(performance, missed=missed)
        return replace(memory, performance=performance, labels=count)

    def _append(self, alarm: Alarm, production: Production) -> bool:
        now = self._clock.now()
        repeat = timedelta(seconds=self._settings.monitoring.repeat_s)

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            return () if reported(alarm, entries, production, now - repeat) else (alarm,)

        if reported(alarm, self._entries, production, now - repeat):
            return False
        return bool(self._ledger.transact(decide))


def reported(
    alarm: Alarm, entries: Sequence[Entry], production: Production, after: datetime
) -> bool:
    """Whether the ledger has such an alarm about this promotion, later than `after`."""
    return any(
        type(entry.event) is type(alarm)
        and getattr(entry.event, "detector", "") == getattr(alarm, "detector", "")
        and entry.at > after
        for entry in entries
        if entry.sequence > production.sequence
    )

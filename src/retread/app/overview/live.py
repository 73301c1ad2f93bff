"""What stands now besides the ledger: services, failed parts, quality, alarms, canary, messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import msgspec

from retread.app.canary import CanaryProgress, CanaryWatcher
from retread.app.overview.snapshot import LedgerSnapshot
from retread.app.supervisor import (
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    abandoned_status,
    health_file,
    running_status,
)
from retread.app.supervisor.state import settings_in_use
from retread.core import RetreadError, format_metric
from retread.loop import (
    LoopHealth,
    MessageState,
    cooldown_until,
    fold_history,
    read_health,
    spent_budget,
)
from retread.monitoring import MonitorReport
from retread.notify import notifier_setups
from retread.project import LoadedProject
from retread.project.describe import ChangedSetting, changed_settings

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

MONITOR = "The monitor"
_KEEP_S = 4.0
_LATE = timedelta(seconds=180)
"""A step of the loop that takes longer is reported; a promotion may hold one up for a while."""

Value = TypeVar("Value")


class FailedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the system that does not do its work, and why."""

    part: str
    problem: str
    since: datetime | None = None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What the monitor saw of the version in production.

    `observed` is the metric on the latest labelled predictions; None without labels.
    """

    version: int
    requests: int
    windows: int
    labels: int = 0
    metric: str | None = None
    expected: float | None = None
    observed: float | None = None


class StandingAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that stands now."""

    kind: str
    text: str


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How soon the next automatic retraining may start: cooldown, and budget of 24 hours."""

    cooldown_until: datetime | None
    spent: int
    budget: int


class NotifierState(msgspec.Struct, frozen=True, kw_only=True):
    """A notifier: whether it has an address, and what became of its messages."""

    name: str
    setup: str
    messages: dict[str, int]


class LiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What stands now. `failed` is empty while every part does its work."""

    services: tuple[ServiceStatus, ...] = ()
    failed: tuple[FailedPart, ...] = ()
    quality: Quality | None = None
    standing: tuple[StandingAlarm, ...] = ()
    canary: CanaryProgress | None = None
    pace: Pace | None = None
    notifiers: tuple[NotifierState, ...] = ()
    not_in_use: tuple[ChangedSetting, ...] = ()


class LiveReader:
    """Reads what stands now; safe for use by several threads.

    What cannot be read is a failed part in the result, so that the rest is shown.

    Args:
        workspace: The project's workspace.
        environment: Environment variables, which may hold the addresses of notifiers.
    """

    def __init__(self, workspace: Workspace, environment: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environment = environment
        self._canary = CanaryWatcher(workspace)
        self._outbox = workspace.outbox()
        self._lock = Lock()
        self._last: tuple[float, LiveState] | None = None

    def read(self, snapshot: LedgerSnapshot) -> LiveState:
        """Return what stands now; it is at most a few seconds old."""
        with self._lock:
            now = self._workspace.clock.monotonic()
            if self._last is None or now - self._last[0] > _KEEP_S:
                self._last = now, self._read(snapshot)
            return self._last[1]

    def _read(self, snapshot: LedgerSnapshot) -> LiveState:
        work = self._workspace
        home, now = work.project.home, work.clock.now()
        status = running_status(home)
        health = read_health(health_file(home)) if status else None
        failed = [*_failed_services(status), *_failed_loop(status, health, now)]
        if abandoned_status(home) is not None:
            problem = "It ended without `retread down`. Start it again with: retread up --detach"
            failed.append(FailedPart(part="supervisor", problem=problem))

        def attempt(part: str, read: Callable[[], Value]) -> Value | None:
            try:
                return read()
            except RetreadError as error:
                problem = str(error)
            except Exception as error:  # includes what a detector of the user's own raises
                problem = f"{type(error).__name__}: {error}"
            if not any(one.part == part for one in failed):
                failed.append(FailedPart(part=part, problem=problem))
            return None

        report = attempt(MONITOR, work.monitor.report)
        canary = attempt("The canary", lambda: self._canary.progress(snapshot.entries))
        notifiers = attempt("Notifications", lambda: self._notifiers(health))
        return LiveState(
            services=status.services if status else (),
            failed=tuple(failed),
            quality=_quality(report) if report else None,
            standing=standing_alarms(report) if report else (),
            canary=canary,
            pace=self._pace(snapshot, now),
            notifiers=notifiers or (),
            not_in_use=settings_not_in_use(work.project, status),
        )

    def _pace(self, snapshot: LedgerSnapshot, now: datetime) -> Pace:
        policy = self._workspace.settings.triggers
        history = fold_history(snapshot.entries)
        until = cooldown_until(history, policy)
        return Pace(
            cooldown_until=until if until and until > now else None,
            spent=spent_budget(history, now),
            budget=policy.daily_budget,
        )

    def _notifiers(self, health: LoopHealth | None) -> tuple[NotifierState, ...]:
        setups = notifier_setups(self._workspace.project, self._environment)
        if health is not None:  # the loop may have been started with another environment
            missing = {n: "no address" if s == "configured" else s for n, s in setups.items()}
            setups = missing | dict.fromkeys(health.notifiers, "configured")
        counts = self._outbox.counts_by_notifier()
        return tuple(
            NotifierState(name=name, setup=setup, messages=_named_counts(counts.get(name, {})))
            for name, setup in sorted(setups.items())
        )


def look_at_traffic(workspace: Workspace) -> MonitorReport | FailedPart:
    """Return the monitor's report, or why it cannot look, now or when the loop last did."""
    status = running_status(workspace.project.home)
    health = read_health(health_file(workspace.project.home)) if status else None
    for failed in _failed_loop(status, health, workspace.clock.now()):
        if failed.part in (MONITOR, "loop"):
            return failed
    try:
        return workspace.monitor.report()
    except RetreadError as error:
        problem = str(error)
    except Exception as error:  # includes what a detector of the user's own raises
        problem = f"{type(error).__name__}: {error}"
    return FailedPart(part=MONITOR, problem=problem)


def settings_not_in_use(
    project: LoadedProject, status: SupervisorStatus | None
) -> tuple[ChangedSetting, ...]:
    """Return the settings that were changed since `retread up`, while it runs."""
    used = settings_in_use(project.home) if status else None
    return changed_settings(used, project.settings) if used is not None else ()


def standing_alarms(report: MonitorReport) -> tuple[StandingAlarm, ...]:
    """Return the alarms that stand according to a report."""
    drifted = [s for s in report.streams if s.drifted]
    alarms = []
    if drifted:
        named = ", ".join(f"{s.name} (effect {s.effect:.2f})" for s in drifted)
        alarms.append(StandingAlarm(kind="drift", text=f"Drift in {named}."))
    performance = report.performance
    if performance is not None and performance.degraded and performance.observed is not None:
        text = (
            f"{performance.metric} is {format_metric(performance.observed)} on the latest of "
            f"{performance.labels} labelled predictions; {format_metric(performance.expected)} "
            "was expected."
        )
        alarms.append(StandingAlarm(kind="degradation", text=text))
    return tuple(alarms)


def _quality(report: MonitorReport) -> Quality | None:
    if report.version is None:
        return None
    seen = report.performance
    return Quality(
        version=report.version,
        requests=report.requests + report.waiting,
        windows=report.windows,
        labels=seen.labels if seen else 0,
        metric=seen.metric if seen else None,
        expected=seen.expected if seen else None,
        observed=seen.observed if seen else None,
    )


def _failed_services(status: SupervisorStatus | None) -> list[FailedPart]:
    return [
        FailedPart(
            part=service.name,
            problem=f"The service {service.problem}. See its log in .retread/logs.",
            since=service.since if service.state is ServiceState.WAITING else None,
        )
        for service in (status.services if status else ())
        if service.problem
    ]


def _failed_loop(
    status: SupervisorStatus | None, health: LoopHealth | None, now: datetime
) -> list[FailedPart]:
    loop = next((s for s in status.services if s.name == "loop"), None) if status else None
    if loop is None or loop.state is not ServiceState.READY:
        return []
    failed = [
        FailedPart(part=f.part, problem=f"{f.error} ({f.failures} times in a row)", since=f.since)
        for f in (health.failures if health else ())
    ]
    last = max(health.at, loop.since) if health else loop.since
    if now - last > _LATE:
        problem = f"It has not ended a step for {(now - last).total_seconds():.0f} s."
        failed.append(FailedPart(part="loop", problem=problem, since=last))
    return failed


def _named_counts(counts: Mapping[MessageState, int]) -> dict[str, int]:
    return {state.value: count for state, count in counts.items() if count}

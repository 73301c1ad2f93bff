"""What is wrong with settings that are each right by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from retread.core import METRICS, UnknownOption, metric_named
from retread.project.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A mistake that shows only when `keys` are seen together with the rest."""

    keys: tuple[str, ...]
    text: str


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Every contradiction in `settings`."""
    yield from _metric(settings)
    yield from _scenario(settings)
    yield from _steps(settings)
    yield from _splits(settings)
    yield from _host(settings)
    yield from _ports(settings)
    yield from _kinds(settings)
    yield from _schedule(settings)


def _metric(settings: Settings) -> Iterator[Contradiction]:
    try:
        metric_named(settings.gate.metric)
    except UnknownOption:
        allowed = ", ".join(metric.name for metric in METRICS)
        text = f"gate.metric: should be one of {allowed}, but it is {settings.gate.metric!r}"
        yield Contradiction(("gate.metric",), text)


def _scenario(settings: Settings) -> Iterator[Contradiction]:
    scenario, scenarios = settings.training.scenario, settings.training.scenarios
    if scenario and scenario not in scenarios:
        known = ", ".join(scenarios) or "none"
        text = f"training.scenario: there is no scenario {scenario!r}. Known: {known}."
        yield Contradiction(("training.scenario", "training.scenarios"), text)


def _steps(settings: Settings) -> Iterator[Contradiction]:
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= 1:
        text = f"canary.steps: should grow, each over 0 and at most 1, but it is {list(steps)}"
        yield Contradiction(("canary.steps",), text)


def _splits(settings: Settings) -> Iterator[Contradiction]:
    if settings.data.validation_share + settings.data.evaluation_share >= 0.9:
        text = "data: validation_share and evaluation_share leave nothing to train on"
        yield Contradiction(("data.validation_share", "data.evaluation_share"), text)


def _host(settings: Settings) -> Iterator[Contradiction]:
    host = settings.serving.host
    if settings.auth.require_loopback and host not in _LOOPBACK:
        text = (
            f"serving.host: should be 127.0.0.1, localhost or ::1, but it is {host!r}: "
            "there is no access control yet"
        )
        yield Contradiction(("serving.host",), text)


def _ports(settings: Settings) -> Iterator[Contradiction]:
    ports = {
        "project.tracking_port": settings.project.tracking_port,
        "serving.port": settings.serving.port,
        "project.control_port": settings.project.control_port,
    }
    for port in sorted({p for p in ports.values() if p}):
        keys = tuple(key for key, value in ports.items() if value == port)
        if len(keys) > 1:
            yield Contradiction(keys, f"{' and '.join(keys)}: should differ, but are both {port}")


def _kinds(settings: Settings) -> Iterator[Contradiction]:
    known = type(settings.triggers)().kinds
    for kind in settings.triggers.kinds:
        if kind not in known:
            text = f"triggers.kinds: there is no kind {kind!r}. Known: {', '.join(known)}."
            yield Contradiction(("triggers.kinds",), text)


def _schedule(settings: Settings) -> Iterator[Contradiction]:
    schedule = settings.triggers.schedule
    if not schedule:
        return
    # Only where it is used: it is slow to load.
    from croniter import croniter

    if not croniter.is_valid(schedule):
        text = (
            "triggers.schedule: should be a cron expression such as '0 3 * * 1', "
            f"but it is {schedule!r}"
        )
        yield Contradiction(("triggers.schedule",), text)

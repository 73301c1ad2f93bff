"""The first part of a retraining: the data it is for."""

from __future__ import annotations

from datetime import datetime, timedelta

from retread.core import Conflict, NotFound, Outcome, Refused
from retread.data.traffic_source import traffic_source
from retread.data.version import DatasetVersion, VersionState
from retread.loop.course import Course
from retread.loop.ports import LoopPorts
from retread.loop.record_data import record_version
from retread.registry.events import TriggerDecided

_POLL_S = 1.0


def prepared_data(course: Course) -> DatasetVersion:
    """The dataset version to train on, with labelled traffic in it if the cause is traffic."""
    if course.asked.cause.kind.wants_traffic:
        course.steps.run("wait for labels", int, lambda: _await_labels(course))
        return course.steps.run("collect", DatasetVersion, lambda: _collected(course))
    return course.steps.run("data", DatasetVersion, course.ports.data.latest)


def _await_labels(course: Course) -> int:
    """The number of labels when there were enough, or when time was up."""
    ports = course.ports
    policy = ports.settings.triggers
    deadline = _accepted_at(course) + timedelta(seconds=policy.label_wait_s)
    while True:
        reading = ports.waiting.begin()
        labels = ports.data.labelled()
        if labels >= policy.min_labelled or ports.clock.now() >= deadline:
            ports.waiting.decided()
            return labels
        ports.waiting.pause(reading, "labels", _POLL_S)


def _accepted_at(course: Course) -> datetime:
    for entry in reversed(course.ports.ledger.read()):
        event = entry.event
        if isinstance(event, TriggerDecided) and event.trigger == course.asked.trigger:
            return entry.at
    raise NotFound(f"Nothing was decided about trigger {course.asked.trigger}.")


def _collect(ports: LoopPorts, source: str) -> DatasetVersion | None:
    at_least = max(1, ports.settings.triggers.min_labelled)
    try:
        return ports.data.collect(source, at_least)
    except Conflict:
        # Somebody's version was first; ours goes on top of it.
        return ports.data.collect(source, at_least)


def _collected(course: Course) -> DatasetVersion:
    ports = course.ports
    # Asked first: done once before a crash, the labels are in the data and would not count again.
    version = _collect(ports, traffic_source(course.asked.trigger))
    if version is None:
        return ports.data.latest()
    record_version(ports.ledger, version)
    if version.state is VersionState.QUARANTINED:
        failed = (c.reason for c in version.checks if c.outcome is not Outcome.PASS)
        raise Refused(
            f"{version.reference}, made of labelled traffic, is in quarantine. {' '.join(failed)}",
            f"Look at it with: retread data show {version.reference}",
        )
    return version

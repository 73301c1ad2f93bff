"""The course of a retraining: data, runs, gate, canary, production, told as it goes.

Every effect is in a step; every step may be done again. So a process may die anywhere, and the
next one goes on where this one was.
"""

from __future__ import annotations

import logging

from retread.core import NotFound, RetreadError
from retread.loop import messages
from retread.loop.candidate import pass_gate, trained_version
from retread.loop.course import Course, Ended, Ending
from retread.loop.deployment import deploy
from retread.loop.notice import announce
from retread.loop.once import append_once, latest
from retread.loop.ports import LoopPorts
from retread.loop.preparation import prepared_data
from retread.loop.steps import Steps
from retread.loop.trial import finish_canary
from retread.loop.withdraw import withdraw
from retread.registry.events import (
    CanaryOutcome,
    RetrainingFinished,
    RetrainingOutcome,
    TriggerReceived,
)

log = logging.getLogger(__name__)


def retrain(trigger: str, ports: LoopPorts, steps: Steps) -> Ending:
    """Take the accepted `trigger` to its end, and record how it ended; NotFound."""
    asked = latest(ports.ledger.read(), TriggerReceived, trigger=trigger)
    if asked is None:
        raise NotFound(f"There is no trigger {trigger}.")
    log.info("Retraining %s goes on: %s.", trigger, asked.cause.detail or asked.cause.kind)
    course = Course(asked, ports, steps)
    ending = _course_of(course)
    ending = steps.run("finish", Ending, lambda: _finished(course, ending))
    log.info("Retraining %s ended: %s. %s", trigger, ending.outcome, ending.reason)
    return ending


def _course_of(course: Course) -> Ending:
    version = course.asked.candidate
    try:
        version = version or trained_version(course, prepared_data(course))
        pass_gate(course, version)
        return deploy(course, version)
    except Ended as ended:
        return ended.ending
    except Exception as error:  # whatever went wrong, people are told and the next may start
        log.exception("The retraining of trigger %s failed.", course.asked.trigger)
        return Ending(outcome=RetrainingOutcome.FAILED, reason=_told(error), version=version)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, RetreadError) else f"{type(error).__name__}: {error}"


def _finished(course: Course, ending: Ending) -> Ending:
    ports = course.ports
    announce(ports)
    if ending.outcome is RetrainingOutcome.FAILED:
        if ending.version:
            withdraw(ports.models, ending.version, ending.reason)
            finish_canary(course, ending.version, CanaryOutcome.FAILED, ending.reason)
        told = messages.retraining_failed(
            course.sender, course.asked.cause.detail or course.asked.cause.kind, ending.reason
        )
        course.tell("failed", told)
    finished = RetrainingFinished(
        trigger=course.asked.trigger,
        outcome=ending.outcome,
        reason=ending.reason,
        version=ending.version,
    )
    append_once(ports.ledger, finished, by=("trigger",))
    return ending

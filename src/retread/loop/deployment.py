"""The third part of a retraining: staging, the trial on traffic, production."""

from __future__ import annotations

from retread.core import Conflict, Refused
from retread.loop import messages
from retread.loop.course import Course, Ending
from retread.loop.ports import Models
from retread.loop.trial import finish_canary, try_on_traffic
from retread.loop.withdraw import withdraw
from retread.registry import Stage
from retread.registry.events import Slot


def deploy(course: Course, version: int) -> Ending:
    """Bring a version that passed the gate into production, by way of the canary."""
    production = course.steps.run("stage", int, lambda: _staged(course, version))
    if production and course.ports.settings.canary.enabled:
        try_on_traffic(course, version, production)
    return course.steps.run("promote", Ending, lambda: _promoted(course, version, production))


def _staged(course: Course, version: int) -> int:
    """The version in production beside which the staged one will be tried."""
    models = course.ports.models
    staged = models.state().slots.get(Slot.STAGING)
    if staged is None or staged.version != version or not _in_staging(models, version):
        models.stage(version)
    return models.state().production


def _in_staging(models: Models, version: int) -> bool:
    return models.state().version(version).stage is Stage.STAGING


def _promoted(course: Course, version: int, production: int) -> Ending:
    ports = course.ports
    cause = course.asked.cause
    try:
        ports.models.promote(version, cause.detail or cause.kind)
    except (Refused, Conflict) as error:
        withdraw(ports.models, version, error.message)
        course.tell("failed", messages.deployment_failed(course.sender, version, str(error)))
        return Ending(outcome="failed", reason=str(error), version=version)
    finish_canary(course, version, "promoted", "every step was passed")
    metrics = ports.models.state().version(version).metrics
    course.tell("deployed", messages.deployed(course.sender, version, production, metrics, cause))
    return Ending(outcome="promoted", reason=cause.detail or cause.kind, version=version)

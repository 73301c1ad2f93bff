"""The third part of a retraining: staging, the trial on traffic, production."""

from __future__ import annotations

from retread.core import Conflict, Refused
from retread.loop.course import Course, Ending
from retread.loop.ports import Models
from retread.loop.trial import finish_canary, try_on_traffic
from retread.registry import Stage
from retread.registry.events import CanaryOutcome, RetrainingOutcome, Slot


def deploy(course: Course, version: int) -> Ending:
    """Bring a version that passed the gate into production, by way of the canary."""
    production = course.steps.run("stage", int, lambda: _staged(course, version))
    proof = "it is in production already"
    if production and course.ports.settings.canary.enabled:
        proof = try_on_traffic(course, version, production)
    return course.steps.run("promote", Ending, lambda: _promoted(course, version, proof))


def _staged(course: Course, version: int) -> int:
    """The version in production beside which the staged one will be tried; 0 if there is none."""
    models = course.ports.models
    if models.state().production == version:
        return 0
    staged = models.state().slots.get(Slot.STAGING)
    if staged is None or staged.version != version or not _in_staging(models, version):
        models.stage(version)
    return models.state().production


def _in_staging(models: Models, version: int) -> bool:
    return models.state().version(version).stage is Stage.STAGING


def _promoted(course: Course, version: int, proof: str) -> Ending:
    cause = course.asked.cause
    reason = cause.detail or cause.kind
    try:
        course.ports.models.promote(version, reason)
    except (Refused, Conflict) as error:
        return Ending(outcome=RetrainingOutcome.FAILED, reason=str(error), version=version)
    finish_canary(course, version, CanaryOutcome.PROMOTED, proof)
    return Ending(outcome=RetrainingOutcome.PROMOTED, reason=reason, version=version)

"""The second part of a retraining: runs, the best of them, and the gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from retread.core import Outcome, Verdict, metric_named
from retread.data.version import DatasetVersion
from retread.loop import messages
from retread.loop.course import Course, Ended, Ending
from retread.loop.once import append_once, latest
from retread.loop.selection import best_run
from retread.registry.events import GateJudged, RetrainingOutcome, RetrainingStarted
from retread.training.request import TrainingOutcome, TrainingRequest


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a retraining, in order."""

    requests: tuple[TrainingRequest, ...]


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the runs of a plan, in its order."""

    outcomes: tuple[TrainingOutcome, ...]


def trained_version(course: Course, version: DatasetVersion) -> int:
    """The model version of the best run on `version`; Ended if no run left a bundle."""
    steps = course.steps
    plan = steps.run("plan", Plan, lambda: _planned(course, version))
    outcomes = steps.run("train", Outcomes, lambda: _trained(course, plan)).outcomes
    best = best_run(outcomes, metric_named(course.ports.settings.gate.metric))
    number = steps.run("register", int, lambda: _registered(course, outcomes, best))
    if number == 0:
        raise Ended(Ending(outcome=RetrainingOutcome.REFUSED, reason=why_no_candidate(outcomes)))
    return number


def pass_gate(course: Course, version: int) -> None:
    """Return if the gate, or a person's word, lets `version` on; Ended if not."""
    verdict = course.steps.run("gate", Verdict, lambda: _judged(course, version))
    if verdict.outcome is Outcome.PASS or course.asked.force:
        return
    refused = verdict.outcome is Outcome.FAIL
    outcome = RetrainingOutcome.REFUSED if refused else RetrainingOutcome.INCONCLUSIVE
    raise Ended(Ending(outcome=outcome, reason=" ".join(verdict.reasons), version=version))


def why_no_candidate(outcomes: Iterable[TrainingOutcome]) -> str:
    """What kept each run from leaving a bundle: its threshold, or that it did not get that far."""
    # Only a run that came to its end has an id.
    kinds: dict[str, list[str]] = {"Under its threshold": [], "Stopped": []}
    for outcome in outcomes:
        kind = "Under its threshold" if outcome.run_id else "Stopped"
        kinds[kind].append(f"{outcome.model_type}: {outcome.reason.rstrip('.')}")
    told = (f"{kind}: {'; '.join(runs)}." for kind, runs in kinds.items() if runs)
    return f"No run left a candidate. {' '.join(told)}"


def _planned(course: Course, version: DatasetVersion) -> Plan:
    requests = tuple(course.ports.training.plan(course.asked, version))
    started = RetrainingStarted(
        trigger=course.asked.trigger, dataset=version.dataset, dataset_version=version.number
    )
    append_once(course.ports.ledger, started, by=("trigger",))
    begun = messages.training_started(
        course.sender, course.asked.cause, version.reference, requests
    )
    course.tell("training-started", begun)
    return Plan(requests=requests)


def _trained(course: Course, plan: Plan) -> Outcomes:
    return Outcomes(outcomes=tuple(course.ports.training.train(plan.requests)))


def _registered(
    course: Course, outcomes: Sequence[TrainingOutcome], best: TrainingOutcome | None
) -> int:
    """The version of the best run, 0 if there is none."""
    course.tell("training-finished", messages.training_finished(course.sender, outcomes, best))
    return course.ports.models.register(best) if best else 0


def _judged(course: Course, version: int) -> Verdict:
    ports = course.ports
    production = ports.models.state().production
    before = latest(ports.ledger.read(), GateJudged, version=version, production=production)
    verdict = before.verdict if before else ports.models.judge(version)
    told = messages.gate_judged(course.sender, version, production, verdict)
    course.tell("gate", told)
    if course.asked.force and verdict.outcome is not Outcome.PASS:
        ports.models.override(version, course.asked.force)
    return verdict

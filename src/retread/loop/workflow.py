"""The durable workflow of a retraining: data, runs, gate, canary, production.

Every effect is in a step, and every step may run twice. So the process may die anywhere, and the
next one continues where this one stopped. Data and runs are in `workflow_steps`, the canary is in
`canary_rollout`.
"""

from __future__ import annotations

import logging
from functools import partial

from retread.core import NotFound, RetreadError, Verdict
from retread.data.version import DatasetVersion
from retread.loop import canary_rollout, workflow_steps
from retread.loop.canary import Action
from retread.loop.canary_rollout import CanaryRollout, JudgedRollout
from retread.loop.idempotency import latest_event
from retread.loop.ports import LoopPorts
from retread.loop.workflow_context import (
    RetrainingContext,
    RetrainingResult,
    Steps,
    StopRetraining,
)
from retread.loop.workflow_steps import TrainingOutcomes, TrainingPlan
from retread.registry.events import RetrainingOutcome, TriggerReceived

WORKFLOW_VERSION = "2"
"""Not a hash of the code, so that open workflows continue under newer code. Steps are recognised by
their order: whoever changes the order raises this number, and open workflows start again."""

log = logging.getLogger(__name__)


def retrain(trigger: str, ports: LoopPorts, steps: Steps) -> RetrainingResult:
    """Run the retraining of an accepted trigger to its end, and record how it ended.

    Args:
        trigger: Id of the trigger.
        ports: The rest of the system.
        steps: The checkpoints of this workflow.

    Raises:
        NotFound: The ledger has no such trigger.
    """
    received = latest_event(ports.ledger.read(), TriggerReceived, trigger=trigger)
    if received is None:
        raise NotFound(f"There is no trigger {trigger}.")
    context = RetrainingContext(received, ports)
    log.info("Retraining %s runs: %s.", trigger, context.cause)
    result = _run(context, steps)
    result = steps.run("finish", RetrainingResult, partial(workflow_steps.finish, context, result))
    log.info("Retraining %s ended: %s. %s", trigger, result.outcome, result.reason)
    return result


def _run(context: RetrainingContext, steps: Steps) -> RetrainingResult:
    version = context.trigger.candidate or None
    try:
        if version is None:
            version = _train(context, steps, _prepare_data(context, steps))
        _pass_gate(context, steps, version)
        return _deploy(context, steps, version)
    except StopRetraining as stopped:
        return stopped.result
    except Exception as error:  # whatever failed, people are notified and the next one may start
        log.exception("The retraining of trigger %s failed.", context.trigger_id)
        reason = str(error) if isinstance(error, RetreadError) else f"{type(error).__name__}: {error}"
        return RetrainingResult(outcome=RetrainingOutcome.FAILED, reason=reason, version=version)


def _prepare_data(context: RetrainingContext, steps: Steps) -> DatasetVersion:
    """Return the dataset version to train on; it contains labelled traffic if traffic is the cause."""
    if not context.trigger.cause.kind.wants_traffic:
        return steps.run("data", DatasetVersion, context.ports.data.latest)
    steps.run("wait for labels", int, partial(workflow_steps.wait_for_labels, context))
    return steps.run("collect", DatasetVersion, partial(workflow_steps.collect_data, context))


def _train(context: RetrainingContext, steps: Steps, data: DatasetVersion) -> int:
    """Train the planned runs and register the best one."""
    plan = steps.run("plan", TrainingPlan, partial(workflow_steps.plan_training, context, data))
    trained = steps.run("train", TrainingOutcomes, partial(workflow_steps.train, context, plan))
    version = steps.run("register", int, partial(workflow_steps.register_best, context, trained))
    if version == workflow_steps.NO_VERSION:
        reason = workflow_steps.why_no_candidate(trained.outcomes)
        raise StopRetraining(RetrainingResult(outcome=RetrainingOutcome.REFUSED, reason=reason))
    return version


def _pass_gate(context: RetrainingContext, steps: Steps, version: int) -> None:
    """Return if the gate passes the version, or if a user lets it bypass the gate."""
    verdict = steps.run("gate", Verdict, partial(workflow_steps.judge, context, version))
    workflow_steps.check_verdict(context, version, verdict)


def _deploy(context: RetrainingContext, steps: Steps, version: int) -> RetrainingResult:
    """Stage the version, run its canary beside production, and promote it."""
    production = steps.run("stage", int, partial(workflow_steps.stage, context, version))
    proof = "it is in production already"
    if production != workflow_steps.NO_VERSION and context.ports.settings.canary.enabled:
        proof = _run_canary(context, steps, version, production)
    promote = partial(workflow_steps.promote, context, version, proof)
    return steps.run("promote", RetrainingResult, promote)


def _run_canary(context: RetrainingContext, steps: Steps, version: int, production: int) -> str:
    """Widen the canary step by step, and return why it may be promoted."""
    start = partial(canary_rollout.start, context, version, production)
    rollout = steps.run("open canary", CanaryRollout, start)
    while True:
        number = rollout.state.step + 1
        judge = partial(canary_rollout.judge, context, rollout)
        judged = steps.run(f"judge canary {number}", JudgedRollout, judge)
        match judged.decision.action:
            case Action.PROMOTE:
                steps.run("canary passed", bool, partial(canary_rollout.record, context, judged))
                return judged.decision.reason
            case Action.NEXT_STEP:
                widen = partial(canary_rollout.widen, context, judged)
                steps.run(f"widen canary {number}", bool, widen)
                rollout = judged.rollout
            case _:
                roll_back = partial(canary_rollout.roll_back, context, judged)
                raise StopRetraining(steps.run("give back", RetrainingResult, roll_back))

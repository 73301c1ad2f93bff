"""The durable workflow of a retraining: data, runs, gate, canary, production.

This page shows the order of the steps. What they do is in `workflow_steps`, and for the canary in
`canary_rollout`. Every effect is in a step, and every step may run twice: the process may die
anywhere, and the next one continues where this one stopped.
"""

from __future__ import annotations

import logging

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
from retread.loop.workflow_steps import NO_VERSION, TrainingOutcomes, TrainingPlan
from retread.registry.events import RetrainingOutcome, TriggerReceived

WORKFLOW_VERSION = "2"
"""Not a hash of the code, so that open workflows continue under newer code. Steps are recognised by
their order: increase this number when the order changes; open workflows then start again."""

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
    context = RetrainingContext(received, ports, steps)
    log.info("Retraining %s started: %s.", trigger, context.cause)
    result = _run(context)
    result = context.run_step("finish", RetrainingResult, workflow_steps.finish, result)
    log.info("Retraining %s ended: %s. %s", trigger, result.outcome, result.reason)
    return result


def _run(context: RetrainingContext) -> RetrainingResult:
    """Run every step but the last; a failure is reported and does not block the next retraining."""
    step = context.run_step
    version = context.trigger.candidate or None
    try:
        if version is None:
            version = _train(context)
        verdict = step("gate", Verdict, workflow_steps.judge, version)
        workflow_steps.check_verdict(context, version, verdict)
        production = step("stage", int, workflow_steps.stage, version)
        reason = "no canary was needed"
        if production != NO_VERSION and context.ports.settings.canary.enabled:
            reason = _run_canary(context, version, production)
        return step("promote", RetrainingResult, workflow_steps.promote, version, reason)
    except StopRetraining as stopped:
        return stopped.result
    except Exception as error:
        log.exception("The retraining of trigger %s failed.", context.trigger_id)
        reason = str(error) if isinstance(error, RetreadError) else _unexpected(error)
        return RetrainingResult(outcome=RetrainingOutcome.FAILED, reason=reason, version=version)


def _train(context: RetrainingContext) -> int:
    """Train on the newest data, or on new labelled traffic too; register the best run."""
    step = context.run_step
    if context.trigger.cause.kind.wants_traffic:
        step("wait for labels", int, workflow_steps.wait_for_labels)
        data = step("collect", DatasetVersion, workflow_steps.collect_data)
    else:
        data = step("data", DatasetVersion, workflow_steps.latest_data)
    plan = step("plan", TrainingPlan, workflow_steps.plan_training, data)
    trained = step("train", TrainingOutcomes, workflow_steps.train, plan)
    version = step("register", int, workflow_steps.register_best, trained)
    workflow_steps.check_registered(version, trained)
    return version


def _run_canary(context: RetrainingContext, version: int, production: int) -> str:
    """Widen the canary step by step; return why it may be promoted."""
    step = context.run_step
    rollout = step("open canary", CanaryRollout, canary_rollout.start, version, production)
    while True:
        number = rollout.state.step + 1
        judged = step(f"judge canary {number}", JudgedRollout, canary_rollout.judge, rollout)
        match judged.decision.action:
            case Action.NEXT_STEP:
                step(f"widen canary {number}", bool, canary_rollout.widen, judged)
                rollout = judged.rollout
            case Action.PROMOTE:
                step("canary passed", bool, canary_rollout.record, judged)
                return judged.decision.reason
            case _:
                result = step("give back", RetrainingResult, canary_rollout.roll_back, judged)
                raise StopRetraining(result)


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

"""The last act: one answer, traced back to data, run, cause and verdict."""

from __future__ import annotations

import time

from retread.app.audit import audit_workspace
from retread.core import short
from retread.demos.stage import Stage
from retread.demos.story import Tone
from retread.registry import lineage_of_version
from retread.serving import PredictionRecord

_RECORDED_WITHIN_S = 5.0


def explain(stage: Stage, request_id: str) -> None:
    """Tell where the answer to a request comes from, and that nothing was changed since."""
    story, space = stage.story, stage.space
    story.act("Why?")
    record = _recorded(stage, request_id)
    if record is None or record.answer is None:
        story.say(f"Request {request_id} was not recorded.", Tone.ALARM)
        return
    number = record.answer.version
    state = space.registry.state()
    manifest = space.bundles.manifest(state.version(number).bundle)
    lineage = lineage_of_version(number, state, manifest, space.ledger.read())
    data = f"{lineage.dataset}@{lineage.dataset_version} ({short(lineage.dataset_digest)})"
    verdict = lineage.verdict.outcome if lineage.verdict else "no verdict"
    story.say(f"Request {request_id}: version {number} answered, in slot {record.answer.slot}.")
    story.say(f"It is the {lineage.model_type} of run {short(lineage.run_id)}, trained on {data}.")
    story.say(
        f"Because: {lineage.cause.kind}, {lineage.cause.detail}. Gate against version "
        f"{lineage.compared_with}: {verdict}."
    )
    _audit(stage)


def _recorded(stage: Stage, request_id: str) -> PredictionRecord | None:
    """The record of a request; answers are written down a moment after they are given."""
    deadline = time.monotonic() + _RECORDED_WITHIN_S
    while (record := stage.space.traffic.find(request_id)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return record


def _audit(stage: Stage) -> None:
    report = audit_workspace(stage.space)
    if report.problems:
        stage.story.say(f"The audit found: {'; '.join(report.problems)}", Tone.ALARM)
    else:
        stage.story.say(
            f"The audit read {report.entries} events, {report.bundles} bundles and every dataset "
            "version: they are what they were.",
            Tone.GOOD,
        )

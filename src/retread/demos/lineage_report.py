"""Trace one prediction of a demo back to its data, run, cause and gate verdict."""

from __future__ import annotations

import time

from retread.app.audit import audit_workspace
from retread.core import short
from retread.demos.environment import DemoEnvironment
from retread.demos.reporter import Level
from retread.registry import lineage_of_version
from retread.serving import PredictionRecord

_RECORDED_WITHIN_S = 5.0


def report_lineage(demo: DemoEnvironment, request_id: str | None) -> None:
    """Report where a prediction came from, and audit the project."""
    reporter, workspace = demo.reporter, demo.workspace
    reporter.phase("Where does a prediction come from?")
    record = _recorded(demo, request_id) if request_id else None
    if record is None or record.answer is None:
        reporter.report(f"Request {request_id} was not recorded.", Level.ALARM)
        return
    number = record.answer.version
    state = workspace.registry.state()
    manifest = workspace.bundles.manifest(state.version(number).bundle)
    lineage = lineage_of_version(number, state, manifest, workspace.ledger.read())
    data = f"{lineage.dataset}@{lineage.dataset_version} ({short(lineage.dataset_digest)})"
    verdict = lineage.verdict.outcome if lineage.verdict else "no verdict"
    reporter.report(
        f"Request {request_id}: version {number} predicted, in slot {record.answer.slot}."
    )
    reporter.report(
        f"Version {number} is the {lineage.model_type} of run {short(lineage.run_id)}, trained on "
        f"{data}. Cause: {lineage.cause.kind}, {lineage.cause.detail}. Gate against version "
        f"{lineage.compared_with}: {verdict}."
    )
    _audit(demo)


def _recorded(demo: DemoEnvironment, request_id: str) -> PredictionRecord | None:
    """Wait for the record of a request, which is written shortly after the response."""
    deadline = time.monotonic() + _RECORDED_WITHIN_S
    while (record := demo.workspace.traffic.find(request_id)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return record


def _audit(demo: DemoEnvironment) -> None:
    report = audit_workspace(demo.workspace)
    if report.problems:
        demo.reporter.report(f"The audit found: {'; '.join(report.problems)}", Level.ALARM)
    else:
        demo.reporter.report(
            f"Audit: {report.entries} events, {report.bundles} bundles and every dataset version "
            "were read; nothing was altered.",
            Level.SUCCESS,
        )

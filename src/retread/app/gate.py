"""Judge a version with production scored on the candidate's split, and promote it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retread.bundle import Evidence, Lineage
from retread.core import Conflict, Inconclusive, IntegrityBroken, InvalidInput, NotFound, Verdict
from retread.data.version import Split
from retread.registry import ModelVersion, Promotion, RegistryState
from retread.registry.checks.signature import changed_labels

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

log = logging.getLogger(__name__)


def judge_version(workspace: Workspace, number: int, accept_labels: Sequence[str] = ()) -> Verdict:
    """Judge a version against the version that is in production now, and record the verdict.

    Args:
        workspace: The project's workspace.
        number: The version.
        accept_labels: Labels that may come or go with the version.

    Raises:
        InvalidInput: A label to accept neither comes nor goes.
        NotFound: There is no such version.
        IntegrityBroken: Its bundle is damaged.
        Conflict: Production changed in the meantime.
    """
    state = workspace.registry.state()
    candidate = state.version(number)
    _check_accepted(workspace, state, candidate, accept_labels)
    evidence = _production_evidence(workspace, state, candidate)
    return workspace.registry.judge(state, number, evidence, workspace.settings.gate, accept_labels)


def promote_version(
    workspace: Workspace,
    number: int,
    reason: str = "",
    *,
    force: bool = False,
    accept_labels: Sequence[str] = (),
) -> Promotion:
    """Promote a version, judging it first unless a current verdict exists.

    Args:
        workspace: The project's workspace.
        number: The version.
        reason: Recorded in the ledger; required with `force`.
        force: Bypass the gate.
        accept_labels: Labels that may come or go with the version.

    Raises:
        InvalidInput: `force` without a reason, or a label to accept neither comes nor goes.
        NotFound: There is no such version.
        Refused: The gate did not pass it.
        Inconclusive: The gate had too little evidence.
        Conflict: The version is in production already, another promotion is in progress, or
            production changed in the meantime.
    """
    if force and not reason.strip():
        raise InvalidInput("A forced promotion needs a reason.", "Say why the gate is bypassed.")
    state = workspace.registry.state()
    candidate = state.version(number)
    if number == state.production and state.promotion is None:
        raise Conflict(f"Version {number} is in production already.", "Promote another version.")
    judged = candidate.judged
    is_current = judged is not None and judged.production == state.production
    if number != state.production and (accept_labels or not is_current):
        judge_version(workspace, number, accept_labels)
    return workspace.promoter.promote(
        number, reason=reason or "requested manually", force_reason=reason if force else ""
    )


def _check_accepted(
    workspace: Workspace,
    state: RegistryState,
    candidate: ModelVersion,
    accept_labels: Sequence[str],
) -> None:
    if not accept_labels:
        return
    production = state.production_version
    changed: tuple[str, ...] = ()
    if production is not None:
        changed = changed_labels(
            workspace.bundles.manifest(candidate.bundle),
            workspace.bundles.manifest(production.bundle),
        )
    wrong = [label for label in accept_labels if label not in changed]
    if wrong:
        raise InvalidInput(
            f"The label {wrong[0]!r} neither comes nor goes with version {candidate.version}.",
            f"Labels that do: {', '.join(changed) or 'none'}.",
        )


def _production_evidence(
    workspace: Workspace, state: RegistryState, candidate: ModelVersion
) -> Evidence | None:
    production = state.production_version
    if production is None:
        return None
    from retread.training.evaluation import score

    lineage = workspace.bundles.manifest(candidate.bundle).lineage
    version = workspace.datasets.version(lineage.dataset, lineage.dataset_version)
    try:
        return score(
            workspace.bundles,
            production.bundle,
            workspace.datasets,
            version,
            Split.EVALUATION,
            window_days=_window_days(workspace, lineage),
        )
    except (Inconclusive, IntegrityBroken, NotFound) as error:
        # Not comparable, or damaged: the verdict reports that, along with all other checks.
        log.warning("Version %d could not be scored: %s", production.version, error)
        return None


def _window_days(workspace: Workspace, lineage: Lineage) -> float:
    """Return the window that the candidate's evaluation split was cut to."""
    recorded = lineage.parameters.get("window_days", workspace.settings.data.window_days)
    return float(recorded or 0.0)

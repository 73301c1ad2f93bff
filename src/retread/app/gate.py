"""Judge a version with production scored on the candidate's split, and promote it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from retread.bundle import Evidence, Lineage
from retread.core import Conflict, Inconclusive, IntegrityBroken, InvalidInput, NotFound, Verdict
from retread.data.version import Split
from retread.registry import ModelVersion, Promotion, RegistryState

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

log = logging.getLogger(__name__)


def judge_version(workspace: Workspace, number: int) -> Verdict:
    """Judge a version against the version that is in production now, and record the verdict.

    Raises:
        NotFound: There is no such version.
        IntegrityBroken: Its bundle is damaged.
        Conflict: Production changed in the meantime.
    """
    state = workspace.registry.state()
    candidate = state.version(number)
    evidence = _production_evidence(workspace, state, candidate)
    return workspace.registry.judge(state, number, evidence, workspace.settings.gate)


def promote_version(
    workspace: Workspace, number: int, reason: str = "", *, force: bool = False
) -> Promotion:
    """Promote a version, judging it first unless a current verdict exists.

    Args:
        workspace: The project's workspace.
        number: The version.
        reason: Recorded in the ledger; required with `force`.
        force: Bypass the gate.

    Raises:
        InvalidInput: `force` without a reason.
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
    if number != state.production and not is_current:
        judge_version(workspace, number)
    return workspace.promoter.promote(
        number, reason=reason or "requested manually", force_reason=reason if force else ""
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

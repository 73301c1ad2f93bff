"""The gate with its surroundings: production is scored on the candidate's split, then compared."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from retread.bundle import Evidence, Lineage
from retread.core import Inconclusive, IntegrityBroken, NotFound, Verdict
from retread.data.version import Split
from retread.registry import ModelVersion, Promotion, RegistryState

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

log = logging.getLogger(__name__)


def judge_version(workspace: Workspace, number: int) -> Verdict:
    """Put a version before the gate, against the version in production now, and record it.

    Raises NotFound, IntegrityBroken; Conflict when production changed meanwhile.
    """
    state = workspace.registry.state()
    candidate = state.version(number)
    evidence = _production_evidence(workspace, state, candidate)
    return workspace.registry.judge(state, number, evidence, workspace.settings.gate)


def promote_version(workspace: Workspace, number: int, force_reason: str = "") -> Promotion:
    """Promote a version, judging it first where no verdict stands; Refused, Inconclusive."""
    state = workspace.registry.state()
    candidate = state.version(number)
    judged = candidate.judged
    stands = judged is not None and judged.production == state.production
    if number != state.production and not stands:
        judge_version(workspace, number)
    reason = force_reason or "asked for by hand"
    return workspace.promoter.promote(number, reason=reason, force_reason=force_reason)


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
        # Not comparable, or damaged: the verdict says so, beside all other checks.
        log.warning("Version %d could not be scored: %s", production.version, error)
        return None


def _window_days(workspace: Workspace, lineage: Lineage) -> float:
    """The window that the candidate's evaluation split was cut to."""
    recorded = lineage.parameters.get("window_days", workspace.settings.data.window_days)
    return float(recorded or 0.0)

"""Where a model version comes from, and where it has been."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from retread.bundle import Cause, Manifest, Parameter
from retread.core import Verdict
from retread.registry.history import Period, periods
from retread.registry.ledger import Entry
from retread.registry.state import RegistryState
from retread.registry.versions import Stage


class VersionLineage(msgspec.Struct, frozen=True, kw_only=True):
    """Data, code, environment, seed, cause and verdict of one version, and when it served.

    `compared_with` is the version the gate compared it with, 0 for none; `forced` the reason for
    which a person let it past the gate, '' if nobody did.
    """

    version: int
    stage: Stage
    bundle: str
    model_type: str
    dataset: str
    dataset_version: int
    dataset_digest: str
    evaluation_digest: str
    git_commit: str
    git_dirty: bool
    environment_digest: str
    seed: int
    parameters: dict[str, Parameter]
    run_id: str
    cause: Cause
    metrics: dict[str, float]
    verdict: Verdict | None
    compared_with: int
    forced: str
    served: tuple[Period, ...]


def lineage_of_version(
    number: int, state: RegistryState, manifest: Manifest, entries: Iterable[Entry]
) -> VersionLineage:
    """Join what the manifest and the ledger know about a version; NotFound."""
    version = state.version(number)
    source = manifest.lineage
    return VersionLineage(
        version=number,
        stage=version.stage,
        bundle=version.bundle,
        model_type=version.model_type,
        dataset=source.dataset,
        dataset_version=source.dataset_version,
        dataset_digest=source.dataset_digest,
        evaluation_digest=source.evaluation_digest,
        git_commit=source.git_commit,
        git_dirty=source.git_dirty,
        environment_digest=source.environment_digest,
        seed=source.seed,
        parameters=source.parameters,
        run_id=version.run_id,
        cause=version.cause,
        metrics=version.metrics,
        verdict=version.judged.verdict if version.judged else None,
        compared_with=version.judged.production if version.judged else 0,
        forced=version.override.reason if version.override else "",
        served=tuple(period for period in periods(entries) if period.version == number),
    )

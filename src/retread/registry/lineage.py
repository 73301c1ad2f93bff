"""The lineage of a model version: where it comes from, and when it served."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from retread.bundle import Cause, Manifest, Parameter
from retread.core import Verdict
from retread.registry.events import Slot, SlotAssigned, SlotCleared
from retread.registry.ledger import Entry
from retread.registry.state import RegistryState, Stage


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The time in which `slot` held `version`; `until` is None while it still does."""

    slot: Slot
    version: int
    generation: int
    share: float
    since: datetime
    until: datetime | None = None


class VersionLineage(msgspec.Struct, frozen=True, kw_only=True):
    """Data, code, environment, seed, cause and verdict of one version, and when it served.

    Attributes:
        compared_with: The version that the gate compared it with, if there was one.
        forced: The reason for which a person overrode the gate, if one did.
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
    compared_with: int | None
    forced: str | None
    served: tuple[Period, ...]


def lineage_of_version(
    number: int, state: RegistryState, manifest: Manifest, entries: Iterable[Entry]
) -> VersionLineage:
    """Join what the manifest and the ledger record about a version.

    Args:
        number: The version.
        state: The state that holds it.
        manifest: The manifest of its bundle.
        entries: The entries of the ledger.

    Raises:
        NotFound: There is no such version.
    """
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
        compared_with=version.judged.production if version.judged else None,
        forced=version.override.reason if version.override else None,
        served=tuple(period for period in periods(entries) if period.version == number),
    )


def periods(entries: Iterable[Entry]) -> tuple[Period, ...]:
    """Return all assignments of all slots, ordered by generation."""
    ended: list[Period] = []
    held: dict[Slot, Period] = {}
    newest: dict[Slot, int] = {}
    for entry in entries:
        event = entry.event
        if not isinstance(event, SlotAssigned | SlotCleared):
            continue
        if event.generation <= newest.get(event.slot, 0):
            continue
        newest[event.slot] = event.generation
        if event.slot in held:
            ended.append(replace(held.pop(event.slot), until=entry.at))
        if isinstance(event, SlotAssigned):
            held[event.slot] = Period(
                slot=event.slot,
                version=event.version,
                generation=event.generation,
                share=event.share,
                since=entry.at,
            )
    return tuple(sorted([*ended, *held.values()], key=lambda period: period.generation))

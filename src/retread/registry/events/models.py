"""Model versions: registered, judged, moved between stages."""

from __future__ import annotations

from retread.bundle import Cause
from retread.core import Verdict
from retread.registry.events.event import Event


class VersionRegistered(Event, frozen=True, kw_only=True):
    """A bundle became model version `version`; its stage is None.

    `validation` are its metrics on the validation split, `metrics` those on the evaluation split.
    """

    version: int
    bundle: str
    run_id: str
    model_type: str
    dataset: str
    dataset_version: int
    validation: dict[str, float]
    metrics: dict[str, float]
    cause: Cause


class GateJudged(Event, frozen=True, kw_only=True):
    """The gate compared `version` with `production` (0: there was none)."""

    version: int
    production: int
    evaluation_digest: str
    verdict: Verdict


class GateOverridden(Event, frozen=True, kw_only=True):
    """A person let `version` past a gate that did not pass it."""

    version: int
    reason: str


class VersionStaged(Event, frozen=True, kw_only=True):
    """`version` moved to Staging; whoever was there went back to None."""

    version: int
    metric: str = ""


class VersionArchived(Event, frozen=True, kw_only=True):
    """`version` will not serve again unless it is named outright."""

    version: int
    reason: str

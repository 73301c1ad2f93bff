"""Model versions as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retread.bundle import Cause
from retread.core import Outcome
from retread.registry.events import GateJudged


class Stage(StrEnum):
    """Where a model version stands."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a version may serve in place of `production`."""

    production: int
    reason: str


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A registered bundle.

    `validation` are its metrics on the validation split, which decide between versions; `metrics`
    those on the evaluation split, which is the gate's; `judged` is the gate's latest verdict;
    `promoted_at` when it last came into production.
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
    registered_at: datetime
    stage: Stage = Stage.NONE
    judged: GateJudged | None = None
    override: Override | None = None
    promoted_at: datetime | None = None

    def passed_against(self, production: int) -> bool:
        """Whether the gate passed this version, compared with `production` (0: none)."""
        return (
            self.judged is not None
            and self.judged.production == production
            and self.judged.verdict.outcome is Outcome.PASS
        )

    def forced_against(self, production: int) -> bool:
        """Whether a person let this version past the gate in place of `production`."""
        return self.override is not None and self.override.production == production

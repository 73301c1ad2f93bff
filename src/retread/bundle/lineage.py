"""Where a model comes from: data, code, environment, seed and cause."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class CauseKind(StrEnum):
    """Why a retraining was asked for."""

    MANUAL = "manual"
    NEW_DATA = "new-data"
    DRIFT = "drift"
    DEGRADATION = "degradation"
    SCHEDULE = "schedule"
    COMMIT = "commit"

    @property
    def wants_traffic(self) -> bool:
        """Whether it asks for a model of what the traffic is like now."""
        return self in (CauseKind.DRIFT, CauseKind.DEGRADATION, CauseKind.SCHEDULE)


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded reason of a training; `trigger` is the trigger's id, if one asked for it."""

    kind: CauseKind = CauseKind.MANUAL
    detail: str = ""
    trigger: str = ""


Parameter = str | int | float | bool | None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to train the same model again."""

    run_id: str
    dataset: str
    dataset_version: int
    dataset_digest: str
    evaluation_digest: str
    git_commit: str
    git_dirty: bool
    environment_digest: str
    seed: int
    parameters: dict[str, Parameter]
    cause: Cause

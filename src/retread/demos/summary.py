"""What a demo came to, as one value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from retread.registry import RegistryState


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that had to happen; `detail` says how it did, or what happened instead."""

    what: str
    reached: bool
    detail: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things that happened; `when` as the demo counts time."""

    when: str
    what: str


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model version; `metrics` are those on its frozen evaluation split."""

    version: int
    model_type: str
    data: str
    stage: str
    cause: str
    metrics: dict[str, float]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over the answers that `who` gave to one kind of traffic."""

    traffic: str
    who: str
    mean: float
    answers: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `metric` names what `measured` is; `figures` are the demo's own numbers;
    `caveat` says what the versions' figures do not show. `links` open after the command `up`."""

    demo: str
    folder: str
    closed: bool
    seconds: float
    goals: tuple[Goal, ...]
    moments: tuple[Moment, ...]
    versions: tuple[VersionRow, ...]
    caveat: str
    metric: str
    measured: tuple[Measured, ...]
    figures: dict[str, float]
    messages: tuple[str, ...]
    up: str
    links: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


def is_closed(goals: Iterable[Goal]) -> bool:
    """Whether the loop closed: all that had to happen did, and something had to."""
    reached = [goal.reached for goal in goals]
    return bool(reached) and all(reached)


def version_rows(state: RegistryState) -> tuple[VersionRow, ...]:
    return tuple(
        VersionRow(
            version=version.version,
            model_type=version.model_type,
            data=f"{version.dataset}@{version.dataset_version}",
            stage=version.stage.value,
            cause=version.cause.kind.value,
            metrics=version.metrics,
        )
        for version in state.versions.values()
    )


def next_commands(folder: str, request_id: str, rollback: bool) -> tuple[tuple[str, str], ...]:
    """What to type next, with what it shows."""
    commands: Sequence[tuple[str, str]] = (
        (f"cd {folder}", "the project: settings, data, every event and every bundle"),
        ("retread history", "every event, in order"),
        (f"retread lineage {request_id}", "where the last answer comes from"),
        ("retread audit verify", "are ledger, bundles and dataset versions what they were?"),
        ("retread rollback", "the model before, within a second"),
    )
    return tuple(c for c in commands if rollback or c[0] != "retread rollback")

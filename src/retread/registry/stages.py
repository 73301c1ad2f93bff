"""Stage rules: choose a version by metric or number, and check whether it may move."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from retread.core import Inconclusive, Metric, Outcome, Refused, metric_named
from retread.registry.state import ModelVersion, RegistryState, Stage


def choose_to_stage(state: RegistryState, metric: str) -> ModelVersion:
    """Choose the version to stage: the best by `metric` outside of production and archive.

    Raises:
        UnknownOption: There is no such metric.
        Refused: No such version has the metric.
    """
    chosen = metric_named(metric)
    eligible = [v for v in state.versions.values() if v.stage in {Stage.NONE, Stage.STAGING}]
    best = _best(eligible, chosen)
    if best is None:
        raise Refused(
            f"No version outside of production and archive has the metric {chosen.name}.",
            "Train one with `retread train`, or choose a version: retread stage VERSION",
        )
    return best


def choose_to_promote(state: RegistryState, metric: str) -> ModelVersion:
    """Choose the version to promote: the best by `metric` of the staged versions.

    Raises:
        UnknownOption: There is no such metric.
        Refused: No staged version has the metric.
    """
    chosen = metric_named(metric)
    best = _best((v for v in state.versions.values() if v.stage is Stage.STAGING), chosen)
    if best is None:
        raise Refused(
            f"No staged version has the metric {chosen.name}.",
            f"Stage one first with: retread stage --metric {chosen.name}",
        )
    return best


def choose_to_roll_back(state: RegistryState, to: int | None) -> ModelVersion:
    """Choose the version to roll back to: `to`, or the previous production version.

    Raises:
        NotFound: There is no version `to`.
        Refused: There is no earlier version, or `to` was never in production.
    """
    if to is None:
        if len(state.served) < 2:
            raise Refused(
                "There is no earlier production version to roll back to.",
                "Choose one with: retread rollback --to VERSION",
            )
        return state.version(state.served[-2])
    version = state.version(to)
    if version.promoted_at is None:
        raise Refused(
            f"Version {to} was never in production.", f"Promote it with: retread promote {to}"
        )
    return version


def check_stageable(state: RegistryState, number: int) -> ModelVersion:
    """Return the version, if it may be staged.

    Raises:
        NotFound: There is no such version.
        Refused: The version is in production.
    """
    version = state.version(number)
    if version.stage is Stage.PRODUCTION:
        raise Refused(f"Version {number} is already in production; it cannot be staged.")
    return version


def check_may_serve(state: RegistryState, number: int) -> ModelVersion:
    """Return the version, if the gate passed it or a person overrode the gate.

    Both count only against the version that is in production now.

    Raises:
        NotFound: There is no such version.
        Refused: The gate did not pass the version, or has not judged it.
        Inconclusive: The gate had not enough evidence.
    """
    version = state.version(number)
    if version.passed_against(state.production) or version.forced_against(state.production):
        return version
    kind = Inconclusive if _is_undecided(version, state.production) else Refused
    raise kind(_why_not(version, state.production), _what_to_do(version))


def _best(versions: Iterable[ModelVersion], metric: Metric) -> ModelVersion | None:
    best: ModelVersion | None = None
    for version in sorted(versions, key=lambda v: v.version, reverse=True):
        value = version.validation.get(metric.name)
        if value is None or isnan(value):
            continue
        if best is None or metric.better(value, best.validation[metric.name]):
            best = version
    return best


def _is_undecided(version: ModelVersion, production: int | None) -> bool:
    judged = version.judged
    return (
        judged is not None
        and judged.production == production
        and judged.verdict.outcome is Outcome.INCONCLUSIVE
    )


def _why_not(version: ModelVersion, production: int | None) -> str:
    judged = version.judged
    if judged is None:
        return f"The gate has not judged version {version.version} yet."
    if judged.production != production:
        against = "no production" if judged.production is None else f"version {judged.production}"
        now = "none" if production is None else f"version {production}"
        return (
            f"The gate judged version {version.version} against {against}, "
            f"but production is {now} now."
        )
    reasons = " ".join(judged.verdict.reasons)
    return f"The gate did not pass version {version.version}: {judged.verdict.outcome}. {reasons}"


def _what_to_do(version: ModelVersion) -> str:
    number = version.version
    return (
        f"See the verdict with: retread gate {number}. Override the gate with: "
        f"retread promote {number} --force --reason TEXT"
    )

"""Stage rules: which version a person or a loop means, and whether it may move."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from retread.core import Inconclusive, Metric, Outcome, Refused, metric_named
from retread.registry.state import RegistryState
from retread.registry.versions import ModelVersion, Stage


def choose_to_stage(state: RegistryState, metric: str) -> ModelVersion:
    """The best by `metric` of the versions that neither serve nor are archived; Refused if none."""
    chosen = metric_named(metric)
    eligible = [v for v in state.versions.values() if v.stage in {Stage.NONE, Stage.STAGING}]
    best = _best(eligible, chosen)
    if best is None:
        raise Refused(
            f"No version outside of production and archive has the metric {chosen.name}.",
            "Train one with `retread train`, or name a version: retread stage VERSION",
        )
    return best


def choose_to_promote(state: RegistryState, metric: str) -> ModelVersion:
    """The best by `metric` of the staged versions; Refused if there is none."""
    chosen = metric_named(metric)
    best = _best((v for v in state.versions.values() if v.stage is Stage.STAGING), chosen)
    if best is None:
        raise Refused(
            f"No staged version has the metric {chosen.name}.",
            f"Stage one first: retread stage --metric {chosen.name}",
        )
    return best


def choose_to_roll_back(state: RegistryState, to: int | None) -> ModelVersion:
    """The version to go back to: `to`, or the one in production before; Refused."""
    if to is None:
        if len(state.served) < 2:
            raise Refused(
                "There is no earlier production version to go back to.",
                "Name one: retread rollback --to VERSION",
            )
        return state.version(state.served[-2])
    version = state.version(to)
    if version.promoted_at is None:
        raise Refused(f"Version {to} was never in production.", f"Promote it: retread produce {to}")
    return version


def check_stageable(state: RegistryState, number: int) -> ModelVersion:
    """The version, if it may be staged; NotFound, Refused."""
    version = state.version(number)
    if version.stage is Stage.PRODUCTION:
        raise Refused(f"Version {number} is in production already; it cannot be staged.")
    return version


def check_may_serve(state: RegistryState, number: int) -> ModelVersion:
    """The version, if the gate or a person let it take real traffic.

    Raises NotFound, Refused, and Inconclusive when the gate has not enough evidence.
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


def _is_undecided(version: ModelVersion, production: int) -> bool:
    judged = version.judged
    return (
        judged is not None
        and judged.production == production
        and judged.verdict.outcome is Outcome.INCONCLUSIVE
    )


def _why_not(version: ModelVersion, production: int) -> str:
    judged = version.judged
    if judged is None:
        return f"The gate has not judged version {version.version} yet."
    if judged.production != production:
        against = f"version {judged.production}" if judged.production else "no production"
        now = f"version {production}" if production else "none"
        return (
            f"The gate judged version {version.version} against {against}, "
            f"but production is {now} now."
        )
    reasons = " ".join(judged.verdict.reasons)
    return f"The gate did not pass version {version.version}: {judged.verdict.outcome}. {reasons}"


def _what_to_do(version: ModelVersion) -> str:
    number = version.version
    return (
        f"See: retread gate {number}. To let it pass anyway: "
        f"retread produce {number} --force --reason TEXT"
    )

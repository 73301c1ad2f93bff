"""Simulated rollouts by the thousand: they show what the canary's rules guarantee."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from retread.loop.canary.advance import Action, CanaryState, advance
from retread.loop.canary.evidence import (
    ComparedVersions,
    PairedEvidence,
    add_answers,
    add_losses,
    no_evidence,
)
from retread.project.settings import CanarySection
from retread.serving.traffic import Cursor

_START = datetime(2026, 1, 1, tzinfo=UTC)
_COMPARED = ComparedVersions(canary=2, production=1, labels=("no", "yes"))


class SimulatedCanary(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of a canary, as probabilities per request.

    Attributes:
        name: Name of this kind of canary.
        only_canary_wrong: Only the canary is wrong.
        only_production_wrong: Only production is wrong.
        both_wrong: Both are wrong.
        fails: The canary fails.
        slow: The canary takes over `max_latency_ratio` times as long as production.
    """

    name: str
    only_canary_wrong: float = 0.05
    only_production_wrong: float = 0.05
    both_wrong: float = 0.05
    fails: float = 0.0
    slow: float = 0.0


class RolloutStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How simulated rollouts of one kind of canary ended.

    Attributes:
        canary: Name of the kind of canary.
        rollouts: Number of rollouts.
        promoted: Number of those that were promoted.
        rolled_back: Number of those that were rolled back.
        expired: Number of those that expired.
        median_requests: Median number of requests until the end.
    """

    canary: str
    rollouts: int
    promoted: int
    rolled_back: int
    expired: int
    median_requests: float


def simulated_canaries(settings: CanarySection) -> tuple[SimulatedCanary, ...]:
    """Return the kinds of canary to simulate.

    Args:
        settings: The settings [canary], whose margin one of them misses exactly.
    """
    return (
        SimulatedCanary(name="equal"),
        SimulatedCanary(name="better by 0.1", only_production_wrong=0.15),
        SimulatedCanary(name="worse by the margin", only_canary_wrong=0.05 + settings.margin),
        SimulatedCanary(name="labels flipped", only_canary_wrong=0.75, only_production_wrong=0.1),
        SimulatedCanary(name="8% of predictions fail", fails=0.08),
        SimulatedCanary(name="slow", slow=0.9),
    )


def simulate_rollouts(
    canary: SimulatedCanary,
    settings: CanarySection,
    rollouts: int,
    *,
    seed: int = 0,
    batch: int = 10,
    longest: int = 2_000,
) -> RolloutStatistics:
    """Simulate rollouts of one kind of canary.

    Args:
        canary: The kind of canary.
        settings: The settings [canary].
        rollouts: Number of rollouts.
        seed: Random seed.
        batch: Number of requests between two decisions.
        longest: Number of requests after which the time is up.
    """
    rng = np.random.default_rng(seed)
    ends = [_rollout(canary, settings, rng, batch, longest) for _ in range(rollouts)]
    actions = [action for action, _ in ends]
    return RolloutStatistics(
        canary=canary.name,
        rollouts=rollouts,
        promoted=actions.count(Action.PROMOTE),
        rolled_back=actions.count(Action.ROLL_BACK),
        expired=actions.count(Action.EXPIRE),
        median_requests=float(np.median([requests for _, requests in ends])),
    )


def _rollout(
    canary: SimulatedCanary,
    settings: CanarySection,
    rng: np.random.Generator,
    batch: int,
    longest: int,
) -> tuple[Action, int]:
    state = CanaryState(started_at=_START)
    evidence = no_evidence(settings, _COMPARED, Cursor())
    while evidence.requests < longest:
        evidence = _add_traffic(evidence, canary, settings, rng, batch)
        decision = advance(state, evidence, settings, _START)
        if decision.ends:
            return decision.action, evidence.requests
        state = decision.state
    time_is_up = _START + timedelta(seconds=settings.timeout_s)
    return advance(state, evidence, settings, time_is_up).action, evidence.requests


def _add_traffic(
    evidence: PairedEvidence,
    canary: SimulatedCanary,
    settings: CanarySection,
    rng: np.random.Generator,
    batch: int,
) -> PairedEvidence:
    failed = rng.random(batch) < canary.fails
    good = int((~failed).sum())
    slow = rng.random(good) < canary.slow
    draw = rng.random(good)
    first = canary.only_canary_wrong
    second = first + canary.only_production_wrong
    third = second + canary.both_wrong
    canary_wrong = (draw < first) | ((draw >= second) & (draw < third))
    production_wrong = (draw >= first) & (draw < third)
    evidence = add_answers(
        evidence,
        failed=failed.tolist(),
        ratios=np.where(slow, 2 * settings.max_latency_ratio, 1.0).tolist(),
        disagree=(canary_wrong != production_wrong).tolist(),
        settings=settings,
    )
    losses = list(zip(canary_wrong.astype(float), production_wrong.astype(float), strict=True))
    return add_losses(evidence, losses, _COMPARED, settings)

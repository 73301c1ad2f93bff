"""Rollouts by the thousand: what the canary's rules promise, shown."""

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
_SUBJECT = ComparedVersions(canary=2, production=1, labels=("no", "yes"))


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a canary: chances that only it, only production, or both are wrong, that
    it fails to answer, and that it takes over `max_latency_ratio` times as long."""

    name: str
    only_canary_wrong: float = 0.05
    only_production_wrong: float = 0.05
    both_wrong: float = 0.05
    fails: float = 0.0
    slow: float = 0.0


class RolloutFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How `rollouts` simulated rollouts ended, and the median requests until they did."""

    world: str
    rollouts: int
    promoted: int
    rolled_back: int
    expired: int
    median_requests: float


def worlds(settings: CanarySection) -> tuple[World, ...]:
    """Equal, better, worse by the margin, labels flipped, and broken in two ways."""
    base = World(name="equal")
    return (
        base,
        World(name="better by 0.1", only_production_wrong=0.15),
        World(name="worse by the margin", only_canary_wrong=0.05 + settings.margin),
        World(name="labels flipped", only_canary_wrong=0.75, only_production_wrong=0.1),
        World(name="8 % of answers fail", fails=0.08),
        World(name="slow", slow=0.9),
    )


def simulate_rollouts(
    world: World,
    settings: CanarySection,
    rollouts: int,
    *,
    seed: int = 0,
    batch: int = 10,
    longest: int = 2_000,
) -> RolloutFigures:
    """`rollouts` rollouts, each looked at after every `batch` requests, at most `longest`."""
    rng = np.random.default_rng(seed)
    ends = [_rollout(world, settings, rng, batch, longest) for _ in range(rollouts)]
    actions = [action for action, _ in ends]
    return RolloutFigures(
        world=world.name,
        rollouts=rollouts,
        promoted=actions.count(Action.PROMOTE),
        rolled_back=actions.count(Action.ROLL_BACK),
        expired=actions.count(Action.EXPIRE),
        median_requests=float(np.median([requests for _, requests in ends])),
    )


def _rollout(
    world: World, settings: CanarySection, rng: np.random.Generator, batch: int, longest: int
) -> tuple[Action, int]:
    state = CanaryState(started_at=_START)
    evidence = no_evidence(settings, _SUBJECT, Cursor())
    while evidence.requests < longest:
        evidence = _more_traffic(evidence, world, settings, rng, batch)
        decision = advance(state, evidence, settings, _START)
        if decision.ends:
            return decision.action, evidence.requests
        state = decision.state
    over = _START + timedelta(seconds=settings.timeout_s)
    return advance(state, evidence, settings, over).action, evidence.requests


def _more_traffic(
    evidence: PairedEvidence,
    world: World,
    settings: CanarySection,
    rng: np.random.Generator,
    batch: int,
) -> PairedEvidence:
    failed = rng.random(batch) < world.fails
    good = int((~failed).sum())
    slow = rng.random(good) < world.slow
    draw = rng.random(good)
    first = world.only_canary_wrong
    second = first + world.only_production_wrong
    third = second + world.both_wrong
    canary = (draw < first) | ((draw >= second) & (draw < third))
    production = (draw >= first) & (draw < third)
    evidence = add_answers(
        evidence,
        failed=failed.tolist(),
        ratios=np.where(slow, 2 * settings.max_latency_ratio, 1.0).tolist(),
        unlike=(canary != production).tolist(),
        settings=settings,
    )
    losses = list(zip(canary.astype(float), production.astype(float), strict=True))
    return add_losses(evidence, losses, _SUBJECT, settings)

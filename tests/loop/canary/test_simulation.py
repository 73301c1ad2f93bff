"""The canary's guarantees, by simulated rollouts that are looked at after every 10 requests."""

from __future__ import annotations

import numpy as np
import pytest

from retread.loop.canary import World, simulate_rollouts
from retread.loop.canary.simulation import worlds
from retread.monitoring import BettingTest, place
from retread.project.settings import CanarySection

SETTINGS = CanarySection()
ENDLESS = SETTINGS.model_copy(update={"min_requests": 10**9})
NAMED = {world.name: world for world in worlds(SETTINGS)}


def test_a_model_worse_by_the_margin_is_hardly_ever_promoted() -> None:
    figures = simulate_rollouts(NAMED["worse by the margin"], SETTINGS, 300)
    assert figures.promoted <= 300 * SETTINGS.alpha
    assert figures.rolled_back > 250


def test_an_equal_model_looked_at_without_end_is_hardly_ever_rolled_back() -> None:
    figures = simulate_rollouts(NAMED["equal"], ENDLESS, 100, batch=20, longest=2_000)
    assert figures.promoted == 0
    assert figures.rolled_back <= 100 * SETTINGS.alpha


@pytest.mark.parametrize("name", ["equal", "better by 0.1"])
def test_a_good_model_is_promoted_within_300_requests(name: str) -> None:
    figures = simulate_rollouts(NAMED[name], SETTINGS, 100)
    assert figures.promoted >= 97
    assert figures.median_requests <= 300


@pytest.mark.parametrize(
    ("name", "requests"), [("labels flipped", 50), ("8 % of answers fail", 400), ("slow", 50)]
)
def test_a_broken_model_is_rolled_back_soon(name: str, requests: int) -> None:
    figures = simulate_rollouts(NAMED[name], SETTINGS, 60)
    assert figures.rolled_back == 60
    assert figures.median_requests <= requests


def test_without_labels_a_flipped_model_is_still_rolled_back() -> None:
    unlabelled = World(name="opposite", only_canary_wrong=0.5, only_production_wrong=0.45)
    figures = simulate_rollouts(unlabelled, ENDLESS, 30)
    assert figures.rolled_back == 30


def test_the_promotion_test_alone_errs_no_more_often_than_alpha() -> None:
    """Without the rollback's help: mean difference exactly at the margin, 1,000 looks."""
    rng = np.random.default_rng(0)
    fooled = 0
    for _ in range(200):
        bets, best = BettingTest(worst=1 - SETTINGS.margin), 0.0
        draws = rng.random(1_000)
        worse = (draws < 0.05 + SETTINGS.margin).astype(float) - (draws > 0.95)
        for value in np.split(SETTINGS.margin - worse, 100):
            bets = place(bets, value.tolist())
            best = max(best, bets.evidence)
        fooled += best >= np.log(1 / SETTINGS.alpha)
    assert fooled <= 200 * SETTINGS.alpha + 5


@pytest.mark.slow
def test_two_thousand_rollouts_keep_both_promises() -> None:
    worse = simulate_rollouts(NAMED["worse by the margin"], SETTINGS, 2_000, seed=1)
    assert worse.promoted <= 2_000 * SETTINGS.alpha
    # The other tests look for longer; a false rollback is likeliest early.
    equal = simulate_rollouts(NAMED["equal"], ENDLESS, 2_000, seed=2, batch=10, longest=300)
    assert equal.rolled_back <= 2_000 * SETTINGS.alpha

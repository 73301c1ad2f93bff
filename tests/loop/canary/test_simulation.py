"""The guarantees of the canary, by simulated rollouts with a decision after every 10 requests."""

from __future__ import annotations

import numpy as np
import pytest

from retread.loop.canary import SimulatedCanary, simulate_rollouts, simulated_canaries
from retread.monitoring import BettingTest
from retread.project.settings import CanarySection

SETTINGS = CanarySection()
ENDLESS = SETTINGS.model_copy(update={"min_requests": 10**9})
CANARIES = {canary.name: canary for canary in simulated_canaries(SETTINGS)}


@pytest.mark.slow
def test_a_model_worse_by_the_margin_is_hardly_ever_promoted() -> None:
    statistics = simulate_rollouts(CANARIES["worse by the margin"], SETTINGS, 300)
    assert statistics.promoted <= 300 * SETTINGS.alpha
    assert statistics.rolled_back > 250


@pytest.mark.slow
def test_an_equal_model_is_hardly_ever_rolled_back_however_often_it_is_judged() -> None:
    statistics = simulate_rollouts(CANARIES["equal"], ENDLESS, 100, batch=20, longest=2_000)
    assert statistics.promoted == 0
    assert statistics.rolled_back <= 100 * SETTINGS.alpha


@pytest.mark.parametrize("name", ["equal", "better by 0.1"])
def test_a_good_model_is_promoted_within_300_requests(name: str) -> None:
    statistics = simulate_rollouts(CANARIES[name], SETTINGS, 100)
    assert statistics.promoted >= 97
    assert statistics.median_requests <= 300


@pytest.mark.parametrize(
    ("name", "requests"), [("labels flipped", 50), ("8% of predictions fail", 400), ("slow", 50)]
)
def test_a_broken_model_is_rolled_back_soon(name: str, requests: int) -> None:
    statistics = simulate_rollouts(CANARIES[name], SETTINGS, 60)
    assert statistics.rolled_back == 60
    assert statistics.median_requests <= requests


def test_without_labels_a_flipped_model_is_still_rolled_back() -> None:
    unlabelled = SimulatedCanary(name="opposite", only_canary_wrong=0.5, only_production_wrong=0.45)
    statistics = simulate_rollouts(unlabelled, ENDLESS, 30)
    assert statistics.rolled_back == 30


def test_the_promotion_test_alone_errs_no_more_often_than_alpha() -> None:
    """Without rollbacks: the mean difference is exactly at the margin, with 100 decisions."""
    rng = np.random.default_rng(0)
    fooled = 0
    for _ in range(200):
        bets, best = BettingTest(lower_bound=1 - SETTINGS.margin), 0.0
        draws = rng.random(1_000)
        worse = (draws < 0.05 + SETTINGS.margin).astype(float) - (draws > 0.95)
        for value in np.split(SETTINGS.margin - worse, 100):
            bets = bets.update(value.tolist())
            best = max(best, bets.evidence)
        fooled += best >= np.log(1 / SETTINGS.alpha)
    assert fooled <= 200 * SETTINGS.alpha + 5


@pytest.mark.slow
def test_two_thousand_rollouts_keep_both_promises() -> None:
    worse = simulate_rollouts(CANARIES["worse by the margin"], SETTINGS, 2_000, seed=1)
    assert worse.promoted <= 2_000 * SETTINGS.alpha
    # Other tests simulate more requests; a false rollback is most likely early.
    equal = simulate_rollouts(CANARIES["equal"], ENDLESS, 2_000, seed=2, batch=10, longest=300)
    assert equal.rolled_back <= 2_000 * SETTINGS.alpha

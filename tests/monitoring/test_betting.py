import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.monitoring import BettingTest, place
from retread.monitoring.conformal import bet, fresh_wealth, log_wealth


def test_a_fair_game_rarely_makes_anyone_rich() -> None:
    rng = np.random.default_rng(0)
    rich = 0
    for _ in range(400):
        bets, best = BettingTest(worst=0.3), 0.0
        for _ in range(25):
            bets = place(bets, ((rng.random(10) < 0.3) - 0.3).tolist())
            best = max(best, bets.evidence)
        rich += best >= np.log(1 / 0.1)
    assert 0 < rich <= 60  # Ville: 10 % of 400, plus three standard deviations


@pytest.mark.parametrize("any_time", [False, True])
def test_an_unfair_game_does(any_time: bool) -> None:
    rng = np.random.default_rng(0)
    bets = BettingTest(worst=0.3, any_time=any_time)
    for _ in range(30):
        bets = place(bets, ((rng.random(10) < 0.6) - 0.3).tolist())
    assert bets.evidence > np.log(20)
    assert bets.mean == pytest.approx(0.3, abs=0.1)


def test_a_change_after_a_long_quiet_time_is_found_only_by_bets_that_waited() -> None:
    quiet, loud = [-0.1] * 2_000, [0.4] * 40
    waited, placed = BettingTest(worst=0.1, any_time=True), BettingTest(worst=0.1)
    for values in (*np.split(np.array(quiet), 40), *np.split(np.array(loud), 4)):
        waited, placed = place(waited, values.tolist()), place(placed, values.tolist())
    assert waited.evidence > np.log(20) > placed.evidence


@given(st.lists(st.floats(-0.4, 1.0), max_size=40), st.integers(0, 40))
def test_looking_in_between_changes_nothing(values: list[float], cut: int) -> None:
    bets = BettingTest(worst=0.4)
    whole = place(bets, values)
    parts = place(place(bets, values[:cut]), values[cut:])
    assert parts.evidence == pytest.approx(whole.evidence, abs=1e-9)
    assert parts.values == whole.values


def test_wealth_against_uniform_ranks_keeps_its_mean() -> None:
    rng = np.random.default_rng(0)
    tracks = 4_000
    wealth = fresh_wealth(tracks)
    for _ in range(5):
        wealth = bet(wealth, rng.random((4, tracks)))
    # A martingale that starts at 1; its heavy right tail makes the sample mean noisy.
    assert 0.8 < np.exp(log_wealth(wealth)).mean() < 1.3


def test_wealth_grows_on_shifted_and_on_wider_ranks() -> None:
    rng = np.random.default_rng(0)
    uniform = rng.random((300, 1))
    shifted, wider = uniform**0.7, np.where(uniform < 0.5, uniform**1.3, 1 - (1 - uniform) ** 1.3)
    wealth = bet(fresh_wealth(3), np.concatenate([uniform, shifted, wider], axis=1))
    calm, moved, spread = log_wealth(wealth)
    assert calm < 1 < np.log(20) < min(moved, spread)

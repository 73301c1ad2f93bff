"""The statistics of the paired comparison have the promised coverage."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.registry.harness import BundleMaker

from retread.bundle import UNKNOWN, Evidence, evidence_metrics
from retread.core import metric_named
from retread.registry.checks.comparison import misaligned
from retread.registry.comparison import (
    bootstrap,
    bootstrap_interval,
    in_labels_of_both,
    score_interval,
)


@pytest.mark.parametrize(("wins", "losses"), [(12, 2), (30, 20), (9, 0), (55, 40)])
def test_the_interval_inverts_mcnemars_test(wins: int, losses: int) -> None:
    """Zero is the bound exactly at the confidence of McNemar's statistic, for any n."""
    statistic = (wins - losses) / (wins + losses) ** 0.5
    confidence = NormalDist().cdf(statistic)
    for examples in (wins + losses, 200, 5000):
        low, _ = score_interval(wins, losses, examples, confidence)
        assert low == pytest.approx(0.0, abs=1e-6)


def test_without_disagreement_the_interval_has_the_closed_form() -> None:
    """The closed form: z^2 / (n + z^2)."""
    z = NormalDist().inv_cdf(0.95)
    for examples in (1, 30, 1000):
        low, _ = score_interval(0, 0, examples, 0.95)
        assert low == pytest.approx(-(z**2) / (examples + z**2), abs=1e-9)


counts = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 300)).filter(
    lambda made: sum(made) > 0
)


@given(made=counts, confidence=st.floats(0.55, 0.99))
def test_bounds_enclose_the_difference_and_are_symmetric(
    made: tuple[int, int, int], confidence: float
) -> None:
    wins, losses, equal = made
    examples = wins + losses + equal
    low, high = score_interval(wins, losses, examples, confidence)
    assert -1.0 <= low <= (wins - losses) / examples <= high <= 1.0
    mirrored = score_interval(losses, wins, examples, confidence)
    assert (-high, -low) == pytest.approx(mirrored, abs=1e-9)


@given(made=counts)
def test_more_confidence_is_a_wider_interval(made: tuple[int, int, int]) -> None:
    wins, losses, equal = made
    narrow = score_interval(wins, losses, wins + losses + equal, 0.8)
    wide = score_interval(wins, losses, wins + losses + equal, 0.95)
    assert wide[0] <= narrow[0] + 1e-9
    assert wide[1] >= narrow[1] - 1e-9


@pytest.mark.slow
def test_a_model_worse_by_the_margin_passes_as_rarely_as_promised() -> None:
    """P(lower bound >= -margin | difference = -margin) <= 1 - confidence, within noise."""
    random = np.random.default_rng(0)
    margin, confidence, rounds = 0.05, 0.9, 2000
    for disagreement, examples in ((0.1, 200), (0.2, 200), (0.3, 1000)):
        wins_share = (disagreement - margin) / 2
        shares = [wins_share, wins_share + margin, 1 - disagreement]
        drawn = random.multinomial(examples, shares, size=rounds)
        passed = sum(
            score_interval(int(wins), int(losses), examples, confidence)[0] >= -margin
            for wins, losses, _ in drawn
        )
        assert passed / rounds <= 1 - confidence + 0.02


@pytest.mark.slow
def test_the_bootstrap_covers_as_promised(
    maker: BundleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lower bound exceeds the true gain (zero) in about 1 - confidence of the draws."""
    monkeypatch.setattr(bootstrap, "RESAMPLES", 200)
    over = 0
    rounds = 40
    for seed in range(rounds):
        candidate = maker.evidence(wrong=25, seed=2 * seed, count=150)
        production = maker.evidence(wrong=25, seed=2 * seed + 1, count=150)
        low, high = bootstrap_interval(candidate, production, metric_named("Loss"), 0.9)
        assert low <= high
        over += low > 0
    assert over <= rounds * 0.2


def test_evaluations_with_a_duplicate_example_do_not_match(maker: BundleMaker) -> None:
    evidence = maker.evidence()
    evidence.ids[1] = evidence.ids[0]
    assert misaligned(evidence, evidence) == "an example occurs twice"


def test_e19_models_of_other_labels_are_compared_in_the_labels_of_both() -> None:
    candidate = Evidence(
        evaluation_digest="e",
        ids=np.array(["a", "b", "c"]),
        truth=np.array([0, 1, 2]),
        outputs=np.eye(3, dtype=np.float32),
    )
    known = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], dtype=np.float32)
    production = replace(candidate, truth=np.array([UNKNOWN, 1, UNKNOWN]), outputs=known)
    ours, theirs = in_labels_of_both(candidate, ("a", "b", "c"), production, ("gone", "b"))
    assert misaligned(ours, theirs) is None
    assert ours.outputs.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    assert theirs.outputs.argmax(axis=1).tolist() == [3, 1, 3], "a label that is gone is wrong"
    assert evidence_metrics(theirs)["Accuracy"] == pytest.approx(1 / 3)
    same = in_labels_of_both(candidate, ("a", "b", "c"), candidate, ("a", "b", "c"))
    assert same == (candidate, candidate)

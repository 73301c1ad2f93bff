from __future__ import annotations

import json
import string
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.core import (
    METRICS,
    CheckResult,
    InvalidInput,
    InvalidSettings,
    ManualClock,
    MissingDependency,
    Outcome,
    SystemClock,
    UnknownOption,
    canonical_json,
    checked_name,
    combine,
    digest_bytes,
    digest_json,
    metric_named,
    new_id,
    short,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=5), st.randoms())
def test_a_digest_does_not_depend_on_the_order_of_keys(
    value: dict[str, object], rng: Random
) -> None:
    keys = list(value)
    rng.shuffle(keys)
    assert digest_json({key: value[key] for key in keys}) == digest_json(value)
    assert json.loads(canonical_json(value)) == value


@given(values, values)
def test_different_values_have_different_digests(left: object, right: object) -> None:
    assert (digest_json(left) == digest_json(right)) == (
        canonical_json(left) == canonical_json(right)
    )


@given(st.binary(max_size=64))
def test_a_digest_is_64_digits(content: bytes) -> None:
    digest = digest_bytes(content)
    assert digest.startswith("sha256:")
    assert len(digest) == 71
    assert set(digest[7:]) <= set("0123456789abcdef")
    assert digest[7:].startswith(short(digest))
    assert digest_bytes(memoryview(content)) == digest


ALLOWED = string.ascii_lowercase + string.digits + "_-"


@given(st.text(ALLOWED, min_size=1, max_size=63).filter(lambda name: name[0] not in "_-"))
def test_names_within_the_rule_are_kept(name: str) -> None:
    assert checked_name("dataset", name) == name


@given(st.text(max_size=70))
def test_every_valid_name_is_safe_in_paths_and_urls(name: str) -> None:
    try:
        checked_name("dataset", name)
    except InvalidInput:
        return
    assert 1 <= len(name) <= 63
    assert set(name) <= set(ALLOWED)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\0", "a\n", "-x", "_x", "A", "%2e%2e", "x" * 64, "a;b", "a#b", "é"],
)
def test_names_that_could_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a valid dataset name"):
        checked_name("dataset", name)


outcomes = st.lists(st.sampled_from(list(Outcome)), max_size=6)


def check(outcome: Outcome) -> CheckResult:
    return CheckResult(check="c", outcome=outcome, reason=f"because {outcome}")


@given(outcomes, st.randoms())
def test_a_verdict_does_not_depend_on_the_order_of_checks(
    found: list[Outcome], rng: Random
) -> None:
    verdict = combine(map(check, found))
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert combine(map(check, shuffled)).outcome is verdict.outcome


@given(outcomes)
def test_a_verdict_passes_only_if_every_check_does_and_there_is_one(found: list[Outcome]) -> None:
    verdict = combine(map(check, found))
    assert (verdict.outcome is Outcome.PASS) == (bool(found) and set(found) == {Outcome.PASS})
    assert (verdict.outcome is Outcome.FAIL) == (Outcome.FAIL in found)
    assert len(verdict.reasons) == sum(outcome is not Outcome.PASS for outcome in found)


@given(outcomes)
def test_missing_or_failed_checks_never_help(found: list[Outcome]) -> None:
    for extra in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        assert combine(map(check, [*found, extra])).outcome is not Outcome.PASS


def test_metrics_are_found_by_every_alias_and_case() -> None:
    for metric in METRICS:
        for spelling in (metric.name, *metric.aliases):
            assert metric_named(spelling.upper()) is metric
            assert metric_named(spelling.lower()) is metric
    with pytest.raises(UnknownOption, match="Use one of: Loss, Accuracy"):
        metric_named("Niceness")


def test_lower_is_better_for_losses_and_errors_only() -> None:
    lower = {metric.name for metric in METRICS if not metric.higher_is_better}
    assert lower == {"Loss", "MAE", "RMSE"}


@given(
    st.sampled_from(METRICS),
    st.floats(allow_nan=False, width=32),
    st.floats(allow_nan=False, width=32),
)
def test_better_gain_and_threshold_agree(metric: object, left: float, right: float) -> None:
    assert isinstance(metric, type(METRICS[0]))
    assert metric.better(left, right) == (not metric.at_least(right, left))
    if abs(left) < 1e30 and abs(right) < 1e30:
        assert metric.better(left, right) == (metric.gain(left, right) > 0)


def test_nan_is_never_better() -> None:
    nan = float("nan")
    for metric in METRICS:
        assert not metric.better(nan, 0.0)
        assert not metric.better(0.0, nan)
        assert not metric.at_least(nan, 0.0)


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, unique=True))
def test_ids_sort_by_time(times: list[int]) -> None:
    ids = [new_id("run", milliseconds=lambda t=t: t) for t in times]  # type: ignore[misc]  # mypy cannot type a lambda's default
    by_time = [identifier for _, identifier in sorted(zip(times, ids, strict=True))]
    assert sorted(ids) == by_time


def test_half_of_an_id_is_time_and_half_is_random() -> None:
    latest = new_id("run", milliseconds=lambda: 2**50 - 1, randomness=lambda n: b"\xff" * n)
    assert latest == "run_" + "z" * 20
    assert (
        new_id("run", milliseconds=lambda: 2**50, randomness=lambda n: bytes(n))
        == "run_" + "0" * 20
    )


def test_ids_of_the_same_millisecond_differ() -> None:
    ids = {new_id("run", milliseconds=lambda: 1) for _ in range(2_000)}
    assert len(ids) == 2_000
    assert len({len(identifier) for identifier in ids}) == 1


def test_errors_state_the_problem_and_the_remedy() -> None:
    assert str(InvalidSettings("x.toml", ["a", "b"])) == "x.toml has 2 mistakes:\n  - a\n  - b"
    assert "pip install 'retread[vision]'" in str(MissingDependency("torch", "vision"))
    assert UnknownOption("colour", "blue", iter(["red"])).allowed == ("red",)


def test_clocks() -> None:
    clock = ManualClock(datetime(2012, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(seconds=5))
    assert clock.monotonic() == 5.0
    clock.set(datetime(2012, 1, 2, tzinfo=UTC))
    assert clock.now().day == 2
    system = SystemClock()
    assert system.now().tzinfo is UTC
    assert system.monotonic() <= system.monotonic()

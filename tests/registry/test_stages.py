"""Which version is meant, and whether it may serve."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from retread.bundle import Cause
from retread.core import (
    METRICS,
    CheckResult,
    Inconclusive,
    Metric,
    NotFound,
    Outcome,
    Refused,
    UnknownOption,
    Verdict,
)
from retread.registry import (
    ModelVersion,
    Override,
    RegistryState,
    Stage,
    choose_to_promote,
    choose_to_stage,
)
from retread.registry.events import GateJudged
from retread.registry.stages import check_may_serve, check_stageable


def version(number: int, stage: Stage = Stage.NONE, /, **metrics: float) -> ModelVersion:
    return ModelVersion(
        version=number,
        bundle=f"sha256:{number}",
        run_id=f"run_{number}",
        model_type="cnn",
        dataset="data",
        dataset_version=1,
        validation=metrics,
        metrics={},
        cause=Cause(),
        registered_at=datetime(2012, 1, 1, tzinfo=UTC),
        stage=stage,
    )


def state(*versions: ModelVersion, production: int = 0) -> RegistryState:
    return RegistryState(versions={v.version: v for v in versions}, production=production)


def verdict(number: int, production: int, outcome: Outcome) -> GateJudged:
    check = CheckResult(check="threshold", outcome=outcome, reason="Accuracy is 0.31.")
    return GateJudged(
        version=number,
        production=production,
        evaluation_digest="sha256:e",
        verdict=Verdict(outcome=outcome, checks=(check,)),
    )


def test_the_lowest_loss_is_the_best() -> None:
    known = state(version(1, Loss=0.9), version(2, Loss=0.2), version(3, Loss=0.5))
    assert choose_to_stage(known, "Loss").version == 2
    assert choose_to_stage(known, "loss").version == 2


def test_a_metric_answers_to_its_aliases() -> None:
    known = state(version(1, F1=0.9), version(2, F1=0.2))
    assert choose_to_stage(known, "f1_score").version == 1
    with pytest.raises(UnknownOption, match="f2"):
        choose_to_stage(known, "f2")


def test_archived_serving_and_unmeasured_versions_are_not_staged_by_metric() -> None:
    known = state(
        version(1, Stage.ARCHIVED, Accuracy=0.99),
        version(2, Stage.PRODUCTION, Accuracy=0.98),
        version(3, Accuracy=float("nan")),
        version(4, Loss=0.1),
        version(5, Accuracy=0.5),
    )
    assert choose_to_stage(known, "Accuracy").version == 5
    with pytest.raises(Refused, match="MAE"):
        choose_to_stage(known, "MAE")


@given(
    values=st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=8),
    metric=st.sampled_from(METRICS),
)
def test_nothing_beats_what_was_chosen(values: list[float], metric: Metric) -> None:
    known = state(
        *(version(n, Stage.NONE, **{metric.name: v}) for n, v in enumerate(values, start=1))
    )
    numbers = [value for value in values if value == value]
    if not numbers:
        with pytest.raises(Refused):
            choose_to_stage(known, metric.name)
        return
    chosen = choose_to_stage(known, metric.name).validation[metric.name]
    assert chosen == (max(numbers) if metric.higher_is_better else min(numbers))


def test_only_staged_versions_are_produced_by_metric() -> None:
    known = state(version(1, F1=0.9), version(2, Stage.STAGING, F1=0.2))
    assert choose_to_promote(known, "F1").version == 2
    with pytest.raises(Refused, match="retread stage --metric F1"):
        choose_to_promote(state(version(1, F1=0.9)), "F1")


def test_the_serving_version_is_not_staged() -> None:
    known = state(version(1, Stage.PRODUCTION), version(2, Stage.ARCHIVED), production=1)
    with pytest.raises(Refused, match="in production already"):
        check_stageable(known, 1)
    assert check_stageable(known, 2).version == 2, "archived, but named outright"
    with pytest.raises(NotFound, match="no model version 9"):
        check_stageable(known, 9)


def test_a_verdict_must_pass_and_be_against_what_serves_now() -> None:
    plain = version(2)
    serving = version(1, Stage.PRODUCTION)

    def known(judged: GateJudged | None) -> RegistryState:
        return state(serving, replace(plain, judged=judged), production=1)

    with pytest.raises(Refused, match="has not judged"):
        check_may_serve(known(None), 2)
    with pytest.raises(Refused, match=r"against no production, but production is version 1 now"):
        check_may_serve(known(verdict(2, 0, Outcome.PASS)), 2)
    with pytest.raises(Refused, match=r"Accuracy is 0\.31"):
        check_may_serve(known(verdict(2, 1, Outcome.FAIL)), 2)
    with pytest.raises(Inconclusive):
        check_may_serve(known(verdict(2, 1, Outcome.INCONCLUSIVE)), 2)
    assert check_may_serve(known(verdict(2, 1, Outcome.PASS)), 2).version == 2


def test_a_persons_word_holds_until_production_changes() -> None:
    forced = replace(version(2), override=Override(production=1, reason="a demo"))
    serving = version(1, Stage.PRODUCTION)
    assert check_may_serve(state(serving, forced, production=1), 2).version == 2
    with pytest.raises(Refused):
        check_may_serve(state(serving, forced, production=3), 2)

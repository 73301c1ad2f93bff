"""The exported graph answers as the trained model does, whatever the numbers and categories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from threadpoolctl import threadpool_limits

from retread.bundle import Datatype, OnnxModel, Signature, TensorSpec, texts
from retread.training.inputs import Arrays, outputs
from retread.training.recipe import FitResult
from retread.training.tabular.encoding import encoding_of
from retread.training.tabular.export import TrainedTable
from retread.training.tabular.precision import is_lossy, scaling_of, target_scaling_of
from retread.training.tree_sizes import most_leaves

Doubles = npt.NDArray[np.float64]


def trained(
    estimator: object, inputs: Arrays, truth: npt.NDArray[np.generic], numbers: Datatype
) -> TrainedTable:
    """Fit an estimator on graph inputs, as training does."""
    specs = []
    for name, datatype in (("features", numbers), ("categories", Datatype.BYTES)):
        if name in inputs:
            columns = tuple(f"{name}{index}" for index in range(inputs[name].shape[1]))
            shape = (-1, len(columns))
            specs.append(TensorSpec(name=name, datatype=datatype, shape=shape, columns=columns))
    regression = truth.dtype.kind == "f"
    target = target_scaling_of(truth.astype(np.float64) if regression else np.zeros(2))
    labels = () if regression else tuple(map(str, np.unique(truth)))
    value = Datatype.FP64 if target.wide else Datatype.FP32
    signature = Signature(inputs=tuple(specs), outputs=outputs(labels, value=value))
    goal = target.scaled(truth.astype(np.float64)) if regression else truth
    encoding, features = encoding_of(
        signature, inputs, goal, handles_missing=False, max_categories=5, seed=0
    )
    # OpenMP threads that wait for one another take minutes on a busy machine.
    with threadpool_limits(1):
        estimator.fit(features, goal)  # type: ignore[attr-defined]
    return TrainedTable(encoding, estimator, target, signature, FitResult(metrics={}))


def answers(model: TrainedTable, inputs: Arrays) -> npt.NDArray[np.floating]:
    """Return the graph's answers, after a comparison with the trained model's."""
    (found,) = OnnxModel(model.export(), model.signature).run(inputs)
    with threadpool_limits(1):
        (wanted,) = model.outputs(inputs)
    assert found.dtype == wanted.dtype
    scale = max(1.0, float(np.abs(wanted).max()))
    assert np.abs(found - wanted).max() / scale < 1e-5
    return found


ESTIMATORS = {
    "forest": (RandomForestClassifier, RandomForestRegressor, {"n_estimators": 5}),
    "boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor, {"max_iter": 25}),
}

OFFSETS = [20_180_101.0, -1.6e12, 1e300]


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("offset", OFFSETS)
def test_d6_a_column_that_float32_collapses_decides(kind: str, offset: float) -> None:
    random = np.random.default_rng(0)
    steps = random.permutation(400).astype(np.float64)
    step = 1e298 if offset == 1e300 else 1.0
    column = offset + steps * step
    assert is_lossy(column)
    inputs = {"features": np.stack([column, random.random(400)], axis=1)}
    truth = (steps // 40 % 2).astype(np.int64)
    classifier, _, options = ESTIMATORS[kind]
    model = trained(classifier(random_state=0, **options), inputs, truth, Datatype.FP64)
    found = answers(model, inputs)
    assert (found.argmax(axis=1) == truth).mean() > 0.95


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("offset", "wide"), [(1e9, True), (-2e12, True), (1e4, False), (0.0, False)]
)
def test_e11_a_target_far_from_zero_is_predicted(kind: str, offset: float, wide: bool) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 3))
    truth = offset + features[:, 0] + 0.1 * random.normal(size=600)
    inputs = {"features": features.astype(np.float32)}
    _, regressor, options = ESTIMATORS[kind]
    model = trained(regressor(random_state=0, **options), inputs, truth, Datatype.FP32)
    assert model.target.wide is wide
    errors = answers(model, inputs)[:, 0].astype(np.float64) - truth
    assert 1 - (errors**2).mean() / truth.var() > 0.75


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("classes", [2, 3, 12])
def test_e22_categories_beyond_the_limit_count_as_one(kind: str, classes: int) -> None:
    random = np.random.default_rng(0)
    codes = np.minimum(random.geometric(0.3, 800), 60)
    inputs = {
        "features": np.where(random.random((800, 2)) < 0.1, np.nan, random.random((800, 2))).astype(
            np.float32
        ),
        "categories": np.stack([texts([f"P{c}" for c in codes]), texts(["", "x"] * 400)], axis=1),
    }
    truth = np.r_[np.arange(classes), (codes * 7 + random.integers(0, 2, 800))[classes:] % classes]
    classifier, _, options = ESTIMATORS[kind]
    model = trained(classifier(random_state=0, **options), inputs, truth, Datatype.FP32)
    column = model.encoding.categories[0]
    assert column.kept == ("P1", "P2", "P3", "P4", "P5")
    assert column.folded == len(set(codes)) - 5
    (note,) = model.encoding.notes
    assert "'categories0'" in note
    assert "max_categories" in note
    answers(model, inputs)
    unseen = {**inputs, "categories": texts([["never seen", "never"]] * 800)}
    answers(model, unseen)
    means = {2: 1, 3: 3, 12: 0}[classes]
    assert model.encoding.encode(unseen).shape == (800, 2 + 6 + means + 2)


def test_e22_means_of_the_target_tell_folded_categories_apart() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 60, 2000)
    truth = (codes % 2).astype(np.int64)
    inputs = {"categories": texts([[f"P{code}"] for code in codes])}
    forest = RandomForestClassifier(5, random_state=0)
    found = answers(trained(forest, inputs, truth, Datatype.FP32), inputs)
    assert (found.argmax(axis=1) == truth).mean() > 0.95
    by_chance = random.integers(0, 2, 2000)
    model = trained(RandomForestRegressor(5, min_samples_leaf=20, random_state=0), inputs,
                    by_chance.astype(np.float64), Datatype.FP32)  # fmt: skip
    errors = answers(model, inputs)[:, 0] - by_chance
    assert (errors**2).mean() > 0.22, "chance was learned from the means"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
@settings(max_examples=50, deadline=None)
def test_d6_what_float32_holds_stays_as_it_is(values: list[float]) -> None:
    column = np.array(values, dtype=np.float64)[:, None]
    assert not is_lossy(column[:, 0])
    np.testing.assert_array_equal(scaling_of(column).apply(column), column.astype(np.float32))


@given(st.floats(-1e15, 1e15), st.integers(-6, 30), st.integers(2, 300), st.booleans())
@settings(max_examples=100, deadline=None)
def test_d6_scaled_columns_keep_their_order(
    offset: float, exponent: int, count: int, far: bool
) -> None:
    column: Doubles = np.arange(count, dtype=np.float64) * 2.0**exponent + offset
    column = np.unique(np.concatenate([column, column + 1e12]) if far else column)
    scaled = scaling_of(column[:, None]).apply(column[:, None])
    assert len(np.unique(scaled, axis=0)) >= 0.999 * len(column) - 1e-9
    assert (np.diff(scaled[:, 0]) >= 0).all()


def test_d8_leaves_are_fewer_the_more_classes_there_are() -> None:
    limits = [most_leaves(100, classes) for classes in (0, 2, 10, 300, 1000)]
    assert limits == sorted(limits, reverse=True)
    assert 100 * 2 * most_leaves(100, 1000) * 1000 * 8 <= 0.5e9
    assert most_leaves(10**9, 1000) == 2

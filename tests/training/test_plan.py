"""Requests are checked before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retread.bundle import Cause
from retread.core import InvalidInput, UnknownOption
from retread.training import Overrides, plan_runs, recipe_named, recipe_names

from .conftest import Bench, MakeBench, Rows, fruit

SCENARIO = {
    "model_type": "random_forest",
    "epochs": 3,
    "scenario": "both",
    "scenarios": {
        "both": {
            "runs": [
                {"model_type": "random_forest"},
                {"model_type": "gradient_boosting", "epochs": 7},
            ]
        }
    },
}


def test_a_single_run_takes_the_settings(fruit_bench: Bench) -> None:
    request = fruit_bench.request("a", epochs=4)
    assert (request.key, request.parent, request.epochs) == ("a", "", 4)
    assert (request.model_type, request.learning_rate) == ("random_forest", 0.001)


def test_a_scenario_is_several_runs_of_one_parent(
    make_bench: MakeBench, table: Callable[[Rows], Path]
) -> None:
    kind = {"kind": "tabular-classification"}
    bench = make_bench(table(fruit()), "kind", recipe=kind, training=SCENARIO)
    settings = bench.project.settings
    runs = plan_runs(settings, Overrides(seed=5), Cause(), bench.version, "a")
    assert [run.model_type for run in runs] == ["random_forest", "gradient_boosting"]
    assert [run.epochs for run in runs] == [3, 7]
    assert [(run.key, run.parent, run.seed) for run in runs] == [("a/1", "a", 5), ("a/2", "a", 5)]
    single = plan_runs(settings, Overrides(model_type="random_forest"), Cause(), bench.version, "a")
    assert [run.parent for run in single] == [""]
    with pytest.raises(UnknownOption, match="both"):
        plan_runs(settings, Overrides(scenario="bot"), Cause(), bench.version, "a")


@pytest.mark.parametrize(
    ("override", "value", "said"),
    [
        ("model_type", "forest", "random_forest"),
        ("optimizer_type", "addam", "adam, sgd, adamw"),
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("learning_rate", 0.0, "over 0"),
        ("learning_rate", float("nan"), "over 0"),
        ("sample", 1.5, "at most 1"),
        ("seed", -1, "at least 0"),
    ],
)
def test_wrong_options_are_refused(
    fruit_bench: Bench, override: str, value: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        fruit_bench.request(**{override: value})


def test_a_recipe_must_fit_the_data(fruit_bench: Bench, rentals_bench: Bench) -> None:
    images = recipe_named("image-classification")
    with pytest.raises(InvalidInput, match="needs images"):
        images.check("cnn", fruit_bench.version.schema)
    with pytest.raises(InvalidInput, match="numeric target"):
        recipe_named("tabular-regression").check("random_forest", fruit_bench.version.schema)
    with pytest.raises(InvalidInput, match="needs labels"):
        recipe_named("tabular-classification").check("random_forest", rentals_bench.version.schema)


def test_unknown_recipes_are_refused() -> None:
    with pytest.raises(UnknownOption, match="tabular-regression"):
        recipe_named("clustering")
    with pytest.raises(InvalidInput, match="cannot be imported"):
        recipe_named("nowhere.to_be_found:Recipe")
    with pytest.raises(InvalidInput, match="has no recipe"):
        recipe_named("math:Recipe")
    with pytest.raises(InvalidInput, match=r"package\.module:Name"):
        recipe_named("math:")


def test_names_are_listed_without_the_libraries() -> None:
    for name in recipe_names():
        assert recipe_named(name).model_types()
    modules = "retread.training.model_types.vision.cnn", "retread.training.vision.fit"
    assert "torch" in sys.modules or not set(modules) & set(sys.modules)

"""Requests are checked before anything starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from retread.bundle import Cause
from retread.core import InvalidInput, UnknownOption
from retread.training import Overrides, plan_runs, recipe_named

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
    assert {run.scenario for run in runs} == {"both"}
    single = plan_runs(settings, Overrides(model_type="random_forest"), Cause(), bench.version, "a")
    assert [run.parent for run in single] == [""]
    with pytest.raises(UnknownOption, match="both"):
        plan_runs(settings, Overrides(scenario="bot"), Cause(), bench.version, "a")


@pytest.mark.parametrize(
    ("override", "value", "said"),
    [
        ("model_type", "forest", "random_forest"),
        ("optimizer_type", "addam", "adam, sgd, adamw"),
        ("optimizer_type", "sgd", "no such option.*it has: epochs"),
        ("learning_rate", 0.5, "learning_rate is 0.5, but the recipe tabular-classification"),
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
    fruit_rows, rental_rows = fruit_bench.version.schema, rentals_bench.version.schema
    forest = fruit_bench.request()
    network = msgspec.structs.replace(forest, model_type="cnn")
    with pytest.raises(InvalidInput, match="needs images"):
        recipe_named("image-classification").check(network, fruit_rows)
    with pytest.raises(InvalidInput, match="numeric target"):
        recipe_named("tabular-regression").check(forest, fruit_rows)
    with pytest.raises(InvalidInput, match="needs labels"):
        recipe_named("tabular-classification").check(forest, rental_rows)


def test_single_examples_are_no_batch(photos_bench: Bench) -> None:
    with pytest.raises(InvalidInput, match=r"batch_size is 1.*at least 2"):
        photos_bench.request(batch_size=1)


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
    listing = (
        "import sys; from retread.training import recipe_named, recipe_names;"
        "assert all(recipe_named(name).model_types() for name in recipe_names());"
        "print(*{'torch', 'sklearn', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, check=True)
    assert done.stdout.split() == []

"""Requests are checked before any run starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from retread.bundle import Cause
from retread.core import InvalidInput, Refused, UnknownOption
from retread.data.read_settings import KEYS, changed_settings, of_another_file, read_settings
from retread.project import parse_settings
from retread.project.settings import DataSection
from retread.training import Overrides, plan_runs, recipe_named

from .conftest import MakeHarness, Rows, TrainingHarness, fruit

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


def test_a_single_run_uses_the_settings(fruit_harness: TrainingHarness) -> None:
    request = fruit_harness.request("a", epochs=4)
    assert (request.key, request.parent, request.epochs) == ("a", None, 4)
    assert (request.model_type, request.learning_rate) == ("random_forest", 0.001)


def test_a_scenario_is_several_runs_of_one_parent(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    kind = {"kind": "tabular-classification"}
    harness = make_harness(table(fruit()), "kind", recipe=kind, training=SCENARIO)
    settings = harness.project.settings
    runs = plan_runs(settings, Overrides(seed=5), Cause(), harness.version, "a")
    assert [run.model_type for run in runs] == ["random_forest", "gradient_boosting"]
    assert [run.epochs for run in runs] == [3, 7]
    assert [(run.key, run.parent, run.seed) for run in runs] == [("a/1", "a", 5), ("a/2", "a", 5)]
    assert {run.scenario for run in runs} == {"both"}
    single = plan_runs(
        settings, Overrides(model_type="random_forest"), Cause(), harness.version, "a"
    )
    assert [run.parent for run in single] == [None]
    with pytest.raises(UnknownOption, match="both"):
        plan_runs(settings, Overrides(scenario="bot"), Cause(), harness.version, "a")


@pytest.mark.parametrize(
    ("override", "value", "message"),
    [
        ("model_type", "forest", "random_forest"),
        ("optimizer_type", "addam", "adam, sgd, adamw"),
        ("optimizer_type", "sgd", "no such option.*Options of this recipe: epochs"),
        ("learning_rate", 0.5, "learning_rate is 0.5, but the recipe tabular-classification"),
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("learning_rate", 0.0, "greater than 0"),
        ("learning_rate", float("nan"), "greater than 0"),
        ("sample", 1.5, "at most 1"),
        ("seed", -1, "at least 0"),
    ],
)
def test_wrong_options_are_refused(
    fruit_harness: TrainingHarness, override: str, value: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        fruit_harness.request(**{override: value})


def test_a_recipe_must_fit_the_data(
    fruit_harness: TrainingHarness, rentals_harness: TrainingHarness
) -> None:
    fruit_rows, rental_rows = fruit_harness.version.schema, rentals_harness.version.schema
    forest = fruit_harness.request()
    network = msgspec.structs.replace(forest, model_type="cnn")
    with pytest.raises(InvalidInput, match="needs images"):
        recipe_named("image-classification").check(network, fruit_rows)
    with pytest.raises(InvalidInput, match="numeric target"):
        recipe_named("tabular-regression").check(forest, fruit_rows)
    with pytest.raises(InvalidInput, match="needs labels"):
        recipe_named("tabular-classification").check(forest, rental_rows)


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "exclude": ({"exclude": ["ripeness"]}, r"exclude was not set and is \["),
    "features": ({"features": ["weight"]}, "features was not set"),
    "group": ({"group": "colour"}, 'group was not set and is "colour"'),
    "timestamp": ({"timestamp": "at"}, 'timestamp was not set and is "at"'),
    "columns": ({"columns": {"weight": "category"}}, "columns was not set and is .*category"),
    "follow_links": ({"follow_links": True}, "follow_links was not set and is true"),
    "image_depth": ({"image_depth": 12}, "image_depth was not set and is 12"),
    "image_background": (
        {"image_background": "#000000"},
        'image_background was not set and is "#000000"',
    ),
    "labels": ({"labels": "colour"}, 'labels was .* and is "colour"'),
    "encoding": ({"encoding": "cp949"}, 'encoding was not set and is "cp949"'),
    "delimiter": ({"delimiter": ";"}, 'delimiter was not set and is ";"'),
    "sheet": ({"sheet": "2026"}, 'sheet was not set and is "2026"'),
    "unreadable": ({"unreadable": "missing"}, 'unreadable was not set and is "missing"'),
    "zone": ({"columns": {"at": {"zone": "Asia/Seoul"}}}, "columns was not set and is .*Seoul"),
    "decimal": ({"columns": {"weight": {"decimal": ","}}}, "columns was not set and is .*decimal"),
    "unit": ({"columns": {"weight": {"unit": "kg"}}}, "columns was not set and is .*kg"),
    "split": ({"split": "group", "group": "colour"}, 'split is "group", but the rows are split by'),
}


@pytest.mark.parametrize(("data", "message"), CHANGED.values(), ids=CHANGED)
def test_u2_settings_that_changed_since_the_data_was_added_are_refused(
    data: dict[str, Any], message: str, fruit_harness: TrainingHarness
) -> None:
    values = fruit_harness.project.settings.model_dump(mode="json", exclude_unset=True)
    values["data"] |= data
    settings = parse_settings(values, source="the test")
    with pytest.raises(Refused, match=f"sample@1 was added with other settings.*{message}") as told:
        plan_runs(settings, Overrides(), Cause(), fruit_harness.version, "a")
    assert told.value.hint.startswith("Add it again with: retread data add sample SOURCE")


def test_u2_settings_that_mean_the_same_are_obeyed(fruit_harness: TrainingHarness) -> None:
    values = fruit_harness.project.settings.model_dump(mode="json", exclude_unset=True)
    values["data"] |= {"split": "random", "window_days": 3.0, "max_label_share": 0.9}
    values["data"] |= {"columns": {}, "follow_links": False, "image_depth": 16}
    settings = parse_settings(values, source="the test")
    assert plan_runs(settings, Overrides(), Cause(), fruit_harness.version, "a")


def test_u2_every_setting_of_data_counts_but_those_that_read_nothing() -> None:
    others = {"dataset", "source", "split", "window_days", "checks"}
    others |= {key for key in DataSection.model_fields if key.startswith("max_")}
    others |= {key for key in DataSection.model_fields if key.endswith("_share")}
    assert set(KEYS) == set(DataSection.model_fields) - others


def test_u2_labels_of_the_command_are_those_of_the_settings_later() -> None:
    added = read_settings(DataSection(), labels="grade")
    assert not changed_settings(added, DataSection())
    assert not changed_settings(added, DataSection(labels="grade"))
    assert changed_settings(added, DataSection(labels="price")) == [
        '[data] labels was not set and is "price"'
    ]


def test_u2_another_file_may_be_written_in_another_way() -> None:
    first = read_settings(DataSection(labels="y", encoding="cp949", exclude=("id",)))
    second = DataSection(labels="y", delimiter=";", exclude=("id",))
    assert changed_settings(first, second)
    both = of_another_file(first, second)
    assert not changed_settings(both, second)
    told = changed_settings(both, second.model_copy(update={"exclude": ()}))
    assert told == ['[data] exclude was ["id"] and is not set']


def test_a_batch_needs_two_examples(photos_harness: TrainingHarness) -> None:
    with pytest.raises(InvalidInput, match=r"batch_size is 1.*at least 2"):
        photos_harness.request(batch_size=1)


def test_unknown_recipes_are_refused() -> None:
    with pytest.raises(UnknownOption, match="tabular-regression"):
        recipe_named("clustering")
    with pytest.raises(InvalidInput, match="cannot be imported"):
        recipe_named("nowhere.to_be_found:Recipe")
    with pytest.raises(InvalidInput, match="has no recipe"):
        recipe_named("math:Recipe")
    with pytest.raises(InvalidInput, match=r"package\.module:Name"):
        recipe_named("math:")


def test_names_are_listed_without_importing_libraries() -> None:
    listing = (
        "import sys; from retread.training import recipe_named, recipe_names;"
        "assert all(recipe_named(name).model_types() for name in recipe_names());"
        "print(*{'torch', 'sklearn', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, check=True)
    assert done.stdout.split() == []

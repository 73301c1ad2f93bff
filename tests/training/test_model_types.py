"""A model type or recipe is one file, or is named by an import string."""

from __future__ import annotations

from pathlib import Path

import pytest

from retread.core import InvalidInput
from retread.training import recipe_named, recipe_names, recipes
from retread.training.model_types import tabular, vision
from retread.training.provenance import model_version

from .conftest import TrainingHarness

NEAREST = '''"""The five nearest examples vote."""

from sklearn.neighbors import KNeighborsClassifier

from retread.training import TabularModel


def build(regression: bool, seed: int, threads: int) -> TabularModel:
    return TabularModel(KNeighborsClassifier())
'''

MEAN_COLOUR = '''"""A classifier of the mean colour."""

from torch import nn

from retread.training.network import Network


def build(classes: int, pretrained: bool) -> Network:
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(body, nn.Linear(3, classes), 3)
'''

RECIPE = '''"""A user's own recipe: the built-in one under another name."""

from retread.training.tabular import TabularRecipe


class Fruit(TabularRecipe):
    def __init__(self) -> None:
        super().__init__(regression=False)
'''


def test_one_file_adds_a_model_type(
    fruit_harness: TrainingHarness, user_modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="nearest"):
        fruit_harness.request(model_type="nearest")
    (user_modules / "nearest.py").write_text(NEAREST, "utf-8")
    monkeypatch.setattr(tabular, "__path__", [*tabular.__path__, str(user_modules)])
    assert "nearest" in recipe_named("tabular-classification").model_types()
    outcome = fruit_harness.run(fruit_harness.request(model_type="nearest"))
    assert fruit_harness.bundles.manifest(outcome.bundle).model_type == "nearest"
    assert len(model_version("nearest")) == 12


@pytest.mark.slow
def test_one_file_adds_a_model_type_of_images(
    photos_harness: TrainingHarness, user_modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user_modules / "mean_colour.py").write_text(MEAN_COLOUR, "utf-8")
    monkeypatch.setattr(vision, "__path__", [*vision.__path__, str(user_modules)])
    assert "mean_colour" in recipe_named("image-classification").model_types()
    request = photos_harness.request(model_type="mean_colour")
    outcome = photos_harness.run(request)
    assert photos_harness.bundles.manifest(outcome.bundle).model_type == "mean_colour"


def test_one_file_adds_a_recipe(user_modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (user_modules / "fruit_ripeness.py").write_text(f"{RECIPE}\n\nRECIPE = Fruit()\n", "utf-8")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(user_modules)])
    assert "fruit-ripeness" in recipe_names()
    assert "random_forest" in recipe_named("fruit-ripeness").model_types()


def test_an_import_string_is_a_model_type(
    fruit_harness: TrainingHarness, user_modules: Path
) -> None:
    (user_modules / "my_nearest.py").write_text(NEAREST, "utf-8")
    request = fruit_harness.request(model_type="my_nearest:build")
    outcome = fruit_harness.run(request)
    manifest = fruit_harness.bundles.manifest(outcome.bundle)
    assert manifest.model_type == "my_nearest:build"
    assert manifest.lineage.parameters["model_version"]


def test_nothing_starts_if_a_model_type_cannot_be_imported(fruit_harness: TrainingHarness) -> None:
    request = fruit_harness.request(model_type="not_there:build")
    with pytest.raises(InvalidInput, match="not_there"):
        fruit_harness.run(request)
    assert fruit_harness.tracking.keys == {}


def test_an_import_string_is_a_recipe(user_modules: Path) -> None:
    (user_modules / "my_recipe.py").write_text(RECIPE, "utf-8")
    recipe = recipe_named("my_recipe:Fruit")
    assert "random_forest" in recipe.model_types()
    assert not recipe.regression

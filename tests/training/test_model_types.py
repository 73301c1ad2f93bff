"""A model type is one file; a user's own is a dotted path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retread.core import InvalidInput
from retread.training import recipe_named, recipe_names, recipes
from retread.training.model_types import tabular, vision
from retread.training.parameters import model_version
from retread.training.run import run

from .conftest import Bench

AT = "2012-06-01T12:00:00+00:00"

NEIGHBOURS = '''"""The five nearest examples vote."""

from sklearn.neighbors import KNeighborsClassifier

from retread.training.estimator import Model


def build(regression: bool, seed: int, threads: int) -> Model:
    return Model(KNeighborsClassifier())
'''

MEAN_COLOUR = '''"""Only the mean colour counts."""

from torch import nn

from retread.training.network import Network


def build(classes: int, pretrained: bool) -> Network:
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(body, nn.Linear(3, classes), 3)
'''

RECIPE = '''"""A recipe of one's own: the built-in one under another name."""

from retread.training.tabular import TabularRecipe


class Fruit(TabularRecipe):
    def __init__(self) -> None:
        super().__init__(regression=False)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a file of one's own; what was imported from it is forgotten."""
    before = set(sys.modules)
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.syspath_prepend(str(own))
    yield own
    for name in set(sys.modules) - before:
        if str(own) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_one_file_adds_a_model_type(
    fruit_bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="neighbours"):
        fruit_bench.request(model_type="neighbours")
    (folder / "neighbours.py").write_text(NEIGHBOURS, "utf-8")
    monkeypatch.setattr(tabular, "__path__", [*tabular.__path__, str(folder)])
    assert "neighbours" in recipe_named("tabular-classification").model_types()
    outcome = run(
        fruit_bench.shop, fruit_bench.request(model_type="neighbours"), AT, lambda _: None
    )
    assert fruit_bench.bundles.manifest(outcome.bundle).model_type == "neighbours"
    assert len(model_version("neighbours")) == 12


@pytest.mark.slow
def test_one_file_adds_a_model_type_of_images(
    photos_bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mean_colour.py").write_text(MEAN_COLOUR, "utf-8")
    monkeypatch.setattr(vision, "__path__", [*vision.__path__, str(folder)])
    assert "mean_colour" in recipe_named("image-classification").model_types()
    request = photos_bench.request(model_type="mean_colour")
    outcome = run(photos_bench.shop, request, AT, lambda _: None)
    assert photos_bench.bundles.manifest(outcome.bundle).model_type == "mean_colour"


def test_one_file_adds_a_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "fruit_ripeness.py").write_text(f"{RECIPE}\n\nRECIPE = Fruit()\n", "utf-8")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(folder)])
    assert "fruit-ripeness" in recipe_names()
    assert "random_forest" in recipe_named("fruit-ripeness").model_types()


def test_a_dotted_path_is_a_model_type(fruit_bench: Bench, folder: Path) -> None:
    (folder / "my_neighbours.py").write_text(NEIGHBOURS, "utf-8")
    request = fruit_bench.request(model_type="my_neighbours:build")
    outcome = run(fruit_bench.shop, request, AT, lambda _: None)
    manifest = fruit_bench.bundles.manifest(outcome.bundle)
    assert manifest.model_type == "my_neighbours:build"
    assert manifest.lineage.parameters["model_version"]


def test_a_dotted_path_that_leads_nowhere_starts_nothing(fruit_bench: Bench) -> None:
    request = fruit_bench.request(model_type="not_there:build")
    with pytest.raises(InvalidInput, match="not_there"):
        run(fruit_bench.shop, request, AT, lambda _: None)
    assert fruit_bench.tracking.keys == {}


def test_a_dotted_path_is_a_recipe(folder: Path) -> None:
    (folder / "my_recipe.py").write_text(RECIPE, "utf-8")
    recipe = recipe_named("my_recipe:Fruit")
    assert "random_forest" in recipe.model_types()
    assert not recipe.regression


@pytest.mark.parametrize("path", ["json:dumps", "json:JSONDecoder"])
def test_what_is_no_recipe(path: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"is no recipe\. Write a class with options, model_types"
    ):
        recipe_named(path)


def test_what_has_no_source_is_no_model_type() -> None:
    with pytest.raises(InvalidInput, match="'os:getpid' is neither a function nor a class"):
        model_version("os:getpid")

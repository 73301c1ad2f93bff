"""A user's own recipes and model types: short ones that work, and errors for those that do not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from retread.core import InvalidInput
from retread.training import recipe_named, recipes
from retread.training.model_types import tabular
from retread.training.provenance import model_version

from .conftest import MakeHarness, Rows, TrainingHarness, fruit

NEAREST = '''"""Predict the majority or the mean of the five nearest examples."""

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor


def build(regression, seed, threads):
    kind = KNeighborsRegressor if regression else KNeighborsClassifier
    return kind(n_neighbors=5, n_jobs=threads)
'''

MEAN_COLOURS = '''"""Classify images by the mean colour of each cell in a 4 x 4 grid."""

from torch import nn

from retread.training.network import Network

GRID = 4


def build(classes, pretrained):
    body = nn.Sequential(nn.AdaptiveAvgPool2d(GRID), nn.Flatten())
    width = 3 * GRID * GRID
    return Network(body, nn.Linear(width, classes), width)
'''

RECIPE = '''"""Train any tabular model type without early stopping."""

from retread.training import Recipe
from retread.training.tabular.fit import fit


class Plain(Recipe):
    def train(self, task, on_epoch):
        return fit(task, on_epoch, regression=self.regression)
'''

SCHEDULED = '''"""A linear model whose learning rate is the name of a schedule."""

from sklearn.linear_model import SGDClassifier


def build(regression, seed, threads):
    return SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=1e-9, max_iter=5, tol=None
    )
'''

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)


def test_a_tabular_model_type_in_fifteen_lines(
    fruit_harness: TrainingHarness, rentals_harness: TrainingHarness, user_modules: Path
) -> None:
    (user_modules / "nearest.py").write_text(NEAREST, "utf-8")
    for harness in (fruit_harness, rentals_harness):
        outcome = harness.run(harness.request(model_type="nearest:build"))
        assert harness.bundles.manifest(outcome.bundle).model_type == "nearest:build"


@needs_torch
@pytest.mark.slow
def test_a_vision_model_type_in_fifteen_lines(
    photos_harness: TrainingHarness, user_modules: Path
) -> None:
    (user_modules / "mean_colours.py").write_text(MEAN_COLOURS, "utf-8")
    outcome = photos_harness.run(photos_harness.request(model_type="mean_colours:build"))
    manifest = photos_harness.bundles.manifest(outcome.bundle)
    assert manifest.signature.outputs[1].shape == (-1, 48)


def test_a_recipe_in_fifteen_lines(
    make_harness: MakeHarness, table: Callable[[Rows], Path], user_modules: Path
) -> None:
    (user_modules / "plain_recipe.py").write_text(RECIPE, "utf-8")
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "plain_recipe:Plain"},
        training={"model_type": "random_forest"},
    )
    outcome = harness.run(harness.request())
    assert harness.bundles.manifest(outcome.bundle).recipe == "plain_recipe:Plain"
    with pytest.raises(InvalidInput, match=r"no such option.*Options of this recipe: none"):
        harness.request(epochs=3)


def test_an_estimator_may_name_a_learning_rate_schedule(
    fruit_harness: TrainingHarness, user_modules: Path
) -> None:
    (user_modules / "scheduled.py").write_text(SCHEDULED, "utf-8")
    request = fruit_harness.request(model_type="scheduled:build")
    fruit_harness.run(request)
    assert fruit_harness.tracking.epochs[0].learning_rate is None


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def build(): ...", r"it cannot be called with \(regression, seed, threads\)"),
        (
            "def build(regression, seed, threads): return {}",
            r"it returned an object of type dict, with no fit\(\) and no predict_proba\(\)",
        ),
        (
            "from sklearn.svm import LinearSVC\n"
            "def build(regression, seed, threads): return LinearSVC()",
            r"it returned an object of type LinearSVC, with no predict_proba\(\)",
        ),
        (
            "from sklearn.naive_bayes import GaussianNB\n"
            "from retread.training import TabularModel\n"
            "def build(regression, seed, threads): return TabularModel(GaussianNB(), rounds='n')",
            r"an object of type GaussianNB, with no staged_predict_proba\(\)",
        ),
    ],
    ids=["arguments", "not an estimator", "no probabilities", "no stages"],
)
def test_u15_a_tabular_model_type_that_does_not_fit_is_refused(
    fruit_harness: TrainingHarness, user_modules: Path, code: str, problem: str
) -> None:
    (user_modules / "unfit.py").write_text(code, "utf-8")
    refusal = (
        rf"'unfit:build' is not a valid model type: .*{problem}\. "
        r"Implement retread\.training\.TabularModelType; see docs/extending\.md\."
    )
    with pytest.raises(InvalidInput, match=refusal):
        fruit_harness.run(fruit_harness.request(model_type="unfit:build"))
    assert fruit_harness.bundles.digests() == ()


def test_a_model_type_is_a_function_or_a_class(user_modules: Path) -> None:
    (user_modules / "number.py").write_text("build = 5", "utf-8")
    for path in ("number:build", "os:getpid"):
        with pytest.raises(
            InvalidInput,
            match=rf"'{path}' is not a valid model type: it is neither a function nor a class.*"
            r"Implement retread\.training\.TabularModelType or .*; see docs/extending\.md",
        ):
            model_version(path)


def test_the_file_of_a_model_type_defines_build(
    fruit_harness: TrainingHarness, user_modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user_modules / "empty_model.py").write_text("", "utf-8")
    monkeypatch.setattr(tabular, "__path__", [*tabular.__path__, str(user_modules)])
    with pytest.raises(InvalidInput, match=r"'empty_model'.*no function build\(\).*extending\.md"):
        fruit_harness.run(fruit_harness.request(model_type="empty_model"))


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def build(classes): ...", r"it cannot be called with \(classes, pretrained\)"),
        (
            "from torch import nn\ndef build(classes, pretrained): return nn.Flatten()",
            r"it returned an object of type Flatten, not a retread\.training\.network\.Network",
        ),
    ],
    ids=["arguments", "not a Network"],
)
def test_u15_a_vision_model_type_that_does_not_fit_is_refused(
    photos_harness: TrainingHarness, user_modules: Path, code: str, problem: str
) -> None:
    (user_modules / "unfit.py").write_text(code, "utf-8")
    refusal = (
        rf"'unfit:build' is not a valid model type: {problem}\. "
        r"Implement retread\.training\.VisionModelType; see docs/extending\.md\."
    )
    with pytest.raises(InvalidInput, match=refusal):
        photos_harness.run(photos_harness.request(model_type="unfit:build"))


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("Own = 5", "it is an object of type int, not a function or class"),
        ("class Own: ...", "it does not define regression, options, model_types, check, train"),
        (
            "from retread.training import Recipe\nclass Own(Recipe): ...",
            "it does not define train",
        ),
        (
            "from retread.training.tabular import TabularRecipe\nclass Own(TabularRecipe): ...",
            "it cannot be called without arguments",
        ),
    ],
    ids=["not callable", "unrelated class", "abstract", "arguments"],
)
def test_a_recipe_that_does_not_fit_is_refused(user_modules: Path, code: str, problem: str) -> None:
    (user_modules / "unfit.py").write_text(code, "utf-8")
    refusal = (
        rf"'unfit:Own' is not a valid recipe: {problem}\. "
        r"Implement retread\.training\.Recipe; see docs/extending\.md\."
    )
    with pytest.raises(InvalidInput, match=refusal):
        recipe_named("unfit:Own")


def test_an_error_in_the_constructor_of_a_recipe_is_reported(user_modules: Path) -> None:
    (user_modules / "failing.py").write_text("def Own():\n    return {}['nothing']\n", "utf-8")
    with pytest.raises(
        InvalidInput, match=r"cannot be created: KeyError: 'nothing'.*extending\.md"
    ):
        recipe_named("failing:Own")


def test_the_file_of_a_recipe_defines_RECIPE(  # noqa: N802  the name is what the test is about
    user_modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user_modules / "empty_recipe.py").write_text("", "utf-8")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(user_modules)])
    with pytest.raises(InvalidInput, match=r"'empty-recipe'.*not define RECIPE.*extending\.md"):
        recipe_named("empty-recipe")


def test_a_recipe_returns_a_trained_model(
    make_harness: MakeHarness, table: Callable[[Rows], Path], user_modules: Path
) -> None:
    code = RECIPE.replace("return fit(task, on_epoch, regression=self.regression)", "return 5")
    (user_modules / "wrong_result.py").write_text(code, "utf-8")
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "wrong_result:Plain"},
        training={"model_type": "random_forest"},
    )
    refusal = (
        r"train\(\) returned an object of type int, which does not define result, signature, "
        r"image, export, outputs\. Implement retread\.training\.TrainedModel; see docs/extending"
    )
    with pytest.raises(InvalidInput, match=refusal):
        harness.run(harness.request())

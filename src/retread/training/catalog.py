"""Look up recipes and optimizers by name; built-in recipes are listed without importing them."""

from __future__ import annotations

from typing import cast, get_args

from retread.core import (
    UnknownOption,
    import_from_string,
    is_import_string,
    load_plugin,
    plugin_names,
)
from retread.core.plugins import invalid_plugin
from retread.project.settings import TrainingSection
from retread.training import recipes
from retread.training.recipe import Recipe

OPTIMIZERS: tuple[str, ...] = get_args(TrainingSection.model_fields["optimizer_type"].annotation)
"""Names of the optimizers of neural networks."""

_INTERFACE = "retread.training.Recipe"
_MEMBERS = ("regression", "options", "model_types", "check", "train")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the built-in recipes.

    >>> recipe_names()
    ('image-classification', 'tabular-classification', 'tabular-regression')
    """
    return tuple(name.replace("_", "-") for name in plugin_names(recipes))


def recipe_named(kind: str) -> Recipe:
    """Return a recipe.

    Args:
        kind: Name of a built-in recipe, or a class of the user's as `package.module:Class`.

    Raises:
        UnknownOption: There is no built-in recipe of that name.
        InvalidInput: The class cannot be imported, or does not implement Recipe.
    """
    if is_import_string(kind):
        return _instance(kind, import_from_string("recipe", kind))
    if kind not in recipe_names():
        raise UnknownOption("recipe", kind, (*recipe_names(), "package.module:Class"))
    module = load_plugin(recipes, "recipe", kind.replace("-", "_"))
    recipe = getattr(module, "RECIPE", None)
    if recipe is None:
        raise invalid_plugin("recipe", kind, _INTERFACE, "its file does not define RECIPE")
    _check_members(kind, recipe)
    return cast("Recipe", recipe)


def check_optimizer(name: str) -> None:
    """Check that an optimizer exists.

    Raises:
        UnknownOption: There is no optimizer of that name.
    """
    if name not in OPTIMIZERS:
        raise UnknownOption("optimizer type", name, OPTIMIZERS)


def _instance(path: str, found: object) -> Recipe:
    if not isinstance(found, type):
        problem = f"it is an object of type {type(found).__name__}, not a class"
        raise invalid_plugin("recipe class", path, _INTERFACE, problem)
    _check_members(path, found)
    try:
        return cast("Recipe", found())
    except TypeError as error:
        problem = f"it cannot be created without arguments: {error}"
        raise invalid_plugin("recipe class", path, _INTERFACE, problem) from error


def _check_members(name: str, recipe: object) -> None:
    abstract = getattr(recipe, "__abstractmethods__", frozenset[str]())
    missing = [member for member in _MEMBERS if member in abstract or not hasattr(recipe, member)]
    if missing:
        problem = f"it does not define {', '.join(missing)}"
        raise invalid_plugin("recipe class", name, _INTERFACE, problem)

"""Look up recipes and optimizers by name; built-in recipes are listed without importing them."""

from __future__ import annotations

from typing import cast, get_args

from retread.core import (
    UnknownOption,
    is_import_string,
    load_plugin,
    plugin_names,
)
from retread.core.plugins import code_of_user, import_callable, invalid_plugin
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
        kind: Name of a built-in recipe, or `package.module:Class` for a user's own.

    Raises:
        UnknownOption: There is no built-in recipe of that name.
        InvalidInput: The class cannot be imported, or does not implement Recipe.
    """
    if is_import_string(kind):
        return _own_recipe(kind)
    if kind not in recipe_names():
        raise UnknownOption("recipe", kind, (*recipe_names(), "package.module:Class"))
    module = load_plugin(recipes, "recipe", kind.replace("-", "_"))
    recipe = getattr(module, "RECIPE", None)
    if recipe is None:
        raise invalid_plugin("recipe", kind, _INTERFACE, "its file does not define RECIPE")
    return _checked(kind, recipe)


def check_optimizer(name: str) -> None:
    """Check that an optimizer exists.

    Raises:
        UnknownOption: There is no optimizer of that name.
    """
    if name not in OPTIMIZERS:
        raise UnknownOption("optimizer type", name, OPTIMIZERS)


def _own_recipe(path: str) -> Recipe:
    create = import_callable("recipe", path, _INTERFACE, ())
    abstract = sorted(getattr(create, "__abstractmethods__", ()))
    if abstract:
        raise invalid_plugin("recipe", path, _INTERFACE, f"it does not define {abstract[0]}")
    with code_of_user("recipe", path, _INTERFACE, "cannot be created"):
        recipe: object = create()
    return _checked(path, recipe)


def _checked(name: str, recipe: object) -> Recipe:
    missing = [member for member in _MEMBERS if not hasattr(recipe, member)]
    if missing:
        problem = f"it does not define {', '.join(missing)}"
        raise invalid_plugin("recipe", name, _INTERFACE, problem)
    return cast("Recipe", recipe)

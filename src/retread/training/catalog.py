"""Recipes and optimizers by name; built-in ones are listed without importing them."""

from __future__ import annotations

from typing import cast, get_args

from retread.core import (
    InvalidInput,
    UnknownOption,
    import_from_string,
    is_import_string,
    load_plugin,
    plugin_names,
)
from retread.project.settings import TrainingSection
from retread.training import recipes
from retread.training.recipe import Recipe

OPTIMIZERS: tuple[str, ...] = get_args(TrainingSection.model_fields["optimizer_type"].annotation)

_PARTS = ("options", "model_types", "check", "train")


def recipe_names() -> tuple[str, ...]:
    """
    >>> recipe_names()
    ('image-classification', 'tabular-classification', 'tabular-regression')
    """
    return tuple(name.replace("_", "-") for name in plugin_names(recipes))


def recipe_named(kind: str) -> Recipe:
    """A recipe by name or by the dotted path of a class; UnknownOption, InvalidInput."""
    if is_import_string(kind):
        return _own(kind)
    if kind not in recipe_names():
        raise UnknownOption("recipe", kind, (*recipe_names(), "package.module:Class"))
    return cast("Recipe", load_plugin(recipes, "recipe", kind.replace("-", "_")).RECIPE)


def _own(path: str) -> Recipe:
    made = import_from_string("recipe", path)
    if not isinstance(made, type) or not all(hasattr(made, part) for part in _PARTS):
        raise InvalidInput(
            f"{path!r} is no recipe.", f"Write a class with {', '.join(_PARTS)} and name it here."
        )
    return cast("Recipe", made())


def check_optimizer(name: str) -> None:
    if name not in OPTIMIZERS:
        raise UnknownOption("optimizer type", name, OPTIMIZERS)

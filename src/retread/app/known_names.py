"""The names that settings may use, from the packages that have them. None is loaded for it."""

from __future__ import annotations

from retread.core import plugin_names
from retread.monitoring import detectors
from retread.project import PluginNames
from retread.training import recipe_named, recipe_names


def known_names() -> PluginNames:
    """Recipes with their model types, and detectors.

    >>> known_names().detectors
    ('conformal',)
    """
    return PluginNames(
        model_types={kind: recipe_named(kind).model_types() for kind in recipe_names()},
        detectors=plugin_names(detectors),
    )

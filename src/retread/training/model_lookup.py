"""Model types by name; built-in ones are listed without importing them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

from retread.core import (
    UnknownOption,
    import_from_string,
    is_import_string,
    load_plugin,
    plugin_names,
)


def check_model_type(family: ModuleType, name: str) -> None:
    """UnknownOption unless `name` is a file of `family`, or a dotted path."""
    if not is_import_string(name) and name not in plugin_names(family):
        raise UnknownOption("model type", name, (*plugin_names(family), "package.module:function"))


def builder(family: ModuleType, name: str) -> Callable[..., Any]:
    """The function that builds models of a type: `build` of its file, or the dotted one."""
    if is_import_string(name):
        return cast("Callable[..., Any]", import_from_string("model type", name))
    return cast("Callable[..., Any]", load_plugin(family, "model type", name).build)

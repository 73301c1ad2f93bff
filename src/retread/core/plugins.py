"""Plugins: modules of a package that are found by name, so that adding one is adding a file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from retread.core.errors import InvalidInput, UnknownOption
from retread.core.import_string import import_from_string


def plugin_names(package: ModuleType) -> tuple[str, ...]:
    """Return the names of the public modules in `package`, without importing them."""
    found = (info.name for info in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def load_plugin(package: ModuleType, kind: str, name: str) -> ModuleType:
    """Import one module of `package`.

    Args:
        package: The package.
        kind: What its modules are, for the error, such as `detector`.
        name: Name of the module.

    Raises:
        UnknownOption: There is no such module; the hint lists those that there are.
    """
    names = plugin_names(package)
    if name not in names:
        raise UnknownOption(kind, name, names)
    return importlib.import_module(f"{package.__name__}.{name}")


def load_plugins(package: ModuleType) -> dict[str, ModuleType]:
    """Import all public modules of `package` and return them by name."""
    return {
        name: importlib.import_module(f"{package.__name__}.{name}")
        for name in plugin_names(package)
    }


def import_callable(
    kind: str, name: str, interface: str, parameters: Sequence[str]
) -> Callable[..., Any]:
    """Import a function or class of the user's own.

    Args:
        kind: The kind of plugin, for messages.
        name: Its import string, `package.module:name`.
        interface: The interface to implement, for messages.
        parameters: The positional arguments that it must accept.

    Raises:
        InvalidInput: It cannot be imported, or cannot be called with these arguments.
    """
    function: object = import_from_string(kind, name)
    if not callable(function):
        problem = f"it is an object of type {type(function).__name__}, not a function or class"
        raise invalid_plugin(kind, name, interface, problem)
    if not accepts_arguments(function, len(parameters)):
        call = f"with ({', '.join(parameters)})" if parameters else "without arguments"
        raise invalid_plugin(kind, name, interface, f"it cannot be called {call}")
    return function


def accepts_arguments(function: Callable[..., object], count: int) -> bool:
    """Return whether a function or class can be called with `count` positional arguments.

    >>> accepts_arguments(len, 1), accepts_arguments(len, 2)
    (True, False)
    """
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # it is written in C, and has no signature
        return True
    return True


def invalid_plugin(kind: str, name: str, interface: str, problem: str) -> InvalidInput:
    """Return the error for a user's object that does not implement the interface of its kind.

    >>> print(invalid_plugin("recipe", "my:Own", "retread.training.Recipe", "it has no train()"))
    'my:Own' is not a valid recipe: it has no train(). Implement retread.training.Recipe; \
see docs/extending.md.
    """
    return InvalidInput(
        f"{name!r} is not a valid {kind}: {problem}.",
        f"Implement {interface}; see docs/extending.md.",
    )

"""Plugins: modules of a package that are found by name, so that adding one is adding a file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from retread.core.errors import InvalidInput, RetreadError, UnknownOption
from retread.core.import_string import import_from_string, with_type


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
    function: object = import_from_string(kind, name, interface)
    if not callable(function):
        problem = f"it is an object of type {type(function).__name__}, not a function or class"
        raise invalid_plugin(kind, name, interface, problem)
    if not accepts_arguments(function, len(parameters)):
        call = f"with ({', '.join(parameters)})" if parameters else "without arguments"
        raise invalid_plugin(kind, name, interface, f"it cannot be called {call}")
    return function


@contextmanager
def code_of_user(kind: str, name: str, interface: str, step: str = "failed") -> Iterator[None]:
    """Run code of the user's own, which may raise anything, and report what it raises.

    Errors of Retread pass, for they are written for users already.

    Args:
        kind: The kind of plugin, for messages.
        name: Its import string.
        interface: The interface that it implements, for messages.
        step: What went wrong, for messages.

    Raises:
        InvalidInput: The code raised an error, or would have ended the process.
    """
    try:
        yield
    except RetreadError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidInput(
            f"The {kind} {name!r} {step}: {with_type(error)}.",
            f"Fix it as {interface} describes; see docs/extending.md.",
        ) from error


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


def floats(values: Any) -> dict[str, float]:
    """Return numbers by name that the user's code computed, perhaps with NumPy, as floats.

    >>> floats({"a": 1})
    {'a': 1.0}

    Raises:
        ValueError: They are not a dict of numbers by name; says what there is instead.
    """
    if not isinstance(values, dict):
        raise ValueError(f"an object of type {type(values).__name__}, not a dict")
    for name in values:
        if not isinstance(name, str):
            raise ValueError(f"the key {name!r}, which is not text")
    return {name: _float(name, value) for name, value in values.items()}


def _float(name: str, value: Any) -> float:
    try:
        if not isinstance(value, str | bytes | bytearray):
            return float(value)
    except OverflowError:
        raise ValueError(f"a number for {name!r} that is too large") from None
    except (TypeError, ValueError, RuntimeError):  # the last from PyTorch
        pass
    raise ValueError(f"an object of type {type(value).__name__} for {name!r}, not a number")

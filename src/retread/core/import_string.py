"""Classes and functions of the user, written as import strings: `package.module:Name`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from retread.core.errors import InvalidInput

_SEPARATOR = ":"


def is_import_string(name: str) -> bool:
    """Return whether `name` is an import string rather than the name of a plugin."""
    return _SEPARATOR in name


def add_to_import_path(folder: Path) -> None:
    """Make the modules in `folder` importable; installed modules take precedence."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def import_from_string(kind: str, path: str) -> Any:
    """Import the object that an import string names.

    Args:
        kind: What the object is, for errors, such as `recipe`.
        path: The import string.

    Raises:
        InvalidInput: `path` is not an import string, or what it names cannot be imported.
    """
    module_name, _, name = path.partition(_SEPARATOR)
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise InvalidInput(f"{path!r} is not a valid {kind}.", "Write it as package.module:Name.")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {error}.",
            "Put the module next to retread.toml or install its package.",
        ) from error
    except Exception as error:  # the user's code may raise anything
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {type(error).__name__}: {error}.",
            f"Fix the error in module {module_name!r}.",
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise InvalidInput(
            f"The module {module_name!r} has no {kind} {name!r}.",
            f"Define {name} in {module_name}.",
        ) from None

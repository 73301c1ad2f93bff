"""The user's own classes and functions, named `package.module:Name`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from retread.core.errors import InvalidInput

SEPARATOR = ":"


def is_import_string(name: str) -> bool:
    """Whether `name` names something of the user's own."""
    return SEPARATOR in name


def add_to_import_path(folder: Path) -> None:
    """Let dotted paths name modules in `folder`, after all that is installed."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def import_from_string(kind: str, path: str) -> Any:
    """What `package.module:Name` names; InvalidInput says which part is missing."""
    module_name, _, name = path.partition(SEPARATOR)
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise InvalidInput(f"{path!r} does not name a {kind}.", "Write it as package.module:Name.")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {error}.",
            "Put the module beside retread.toml or install its package.",
        ) from error
    except Exception as error:  # the user's code may raise anything
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {type(error).__name__}: {error}.",
            f"Mend the module {module_name!r}.",
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise InvalidInput(
            f"The module {module_name!r} has no {kind} {name!r}.",
            f"Define {name} in {module_name}.",
        ) from None

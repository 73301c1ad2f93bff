"""Classes and functions of the user, written as import strings: `package.module:Name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from retread.core.errors import InvalidInput

_SEPARATOR = ":"

_project_folders: list[Path] = []


def is_import_string(name: str) -> bool:
    """Return whether `name` is an import string rather than the name of a plugin."""
    return _SEPARATOR in name


def add_to_import_path(folder: Path) -> None:
    """Make the modules in a project folder importable, after those that are installed."""
    if folder not in _project_folders:
        _project_folders.append(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def import_from_string(kind: str, path: str, interface: str = "") -> Any:
    """Import the object that an import string names.

    Args:
        kind: What the object is, for errors, such as `recipe`.
        path: The import string.
        interface: The interface that it implements, for errors.

    Raises:
        InvalidInput: `path` is not an import string, what it names cannot be imported, or its
            module is not the only one of that name.
    """
    module_name, _, name = path.partition(_SEPARATOR)
    see = f"; see {interface} in docs/extending.md." if interface else "."
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise InvalidInput(
            f"{path!r} is not a valid {kind}.", f"Write it as package.module:Name{see}"
        )
    _check_unambiguous(kind, path, module_name.partition(".")[0])
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {error}.",
            f"Put the module next to retread.toml or install its package{see}",
        ) from error
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise InvalidInput(
            f"The {kind} {path!r} cannot be imported: {with_type(error)}.",
            f"Fix the error in module {module_name!r}{see}",
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise InvalidInput(
            f"The module {module_name!r} has no {kind} {name!r}.",
            f"Define {name} in {module_name}{see}",
        ) from None


def with_type(error: BaseException) -> str:
    """Describe an error of the user's code.

    >>> with_type(KeyError("age")), with_type(SystemExit())
    ("KeyError: 'age'", 'SystemExit')
    """
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _check_unambiguous(kind: str, path: str, module_name: str) -> None:
    """Check that no other module hides the one of that name in a project folder.

    An installed module, or that of a project opened earlier, would be used in its place.
    """
    try:
        spec = importlib.util.find_spec(module_name)
    except ValueError:  # `__main__`, which has none
        return
    if spec is None:
        return
    found = spec.origin if spec.has_location and spec.origin else f"Python's own {module_name!r}"
    for folder in _project_folders:
        own = _file_of(module_name, folder) if str(folder) in sys.path else None
        if own is not None and Path(found).resolve() != own.resolve():
            raise InvalidInput(
                f"The {kind} {path!r} is ambiguous: it is in {own}, but Python finds {found}.",
                f"Rename yours, or use one Python process per project if {module_name!r} is in "
                "two of them.",
            )


def _file_of(module_name: str, folder: Path) -> Path | None:
    files = (folder / f"{module_name}.py", folder / module_name / "__init__.py")
    return next((file for file in files if file.is_file()), None)

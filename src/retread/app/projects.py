"""Create projects, and open them with the names in their settings checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from retread.core import Conflict, InvalidInput, plugin_names
from retread.project import LoadedProject, PluginNames, open_project
from retread.project.templates import template_files


def new_project(folder: Path, template: str) -> tuple[str, ...]:
    """Write a template with its example data to a folder.

    Args:
        folder: A new or empty folder.
        template: Name of the template.

    Returns:
        The paths of its files, relative to the folder.

    Raises:
        UnknownOption: There is no such template; nothing is written.
        Conflict: The folder is not empty; nothing is written.
        InvalidInput: A file is in the way; nothing is written.
    """
    files = template_files(template)
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir():
        raise InvalidInput(f"{above} is a file.", "Name a new or an empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty.", "Name a new or an empty folder.")
    if template in EXAMPLE_DATA:
        name, content_of = EXAMPLE_DATA[template]
        files[name] = content_of()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tuple(sorted(files))


def open_checked_project(start: Path, environment: Mapping[str, str]) -> LoadedProject:
    """Open the project at or above `start`, and check that its settings name existing plugins.

    Raises:
        NotFound: There is no project.
        InvalidSettings: Its settings have mistakes; the error lists all of them.
    """
    return open_project(start, environment, known_names())


def known_names() -> PluginNames:
    """List recipes with their model types, and detectors; none of them is loaded.

    >>> known_names().detectors
    ('conformal',)
    """
    # These packages are slow to import, and most commands do without them.
    from retread.data import checks
    from retread.monitoring import detectors
    from retread.training import recipe_named, recipe_names

    recipes = {kind: recipe_named(kind) for kind in recipe_names()}
    return PluginNames(
        model_types={kind: recipe.model_types() for kind, recipe in recipes.items()},
        detectors=plugin_names(detectors),
        regressions=frozenset(kind for kind, recipe in recipes.items() if recipe.regression),
        checks=plugin_names(checks),
    )


def iris_csv() -> bytes:
    """Return the iris dataset of scikit-learn as a CSV file."""
    from sklearn.datasets import load_iris

    flowers = load_iris()
    columns = [name.removesuffix(" (cm)").replace(" ", "_") for name in flowers.feature_names]
    lines = [",".join([*columns, "species"])]
    for row, species in zip(flowers.data, flowers.target, strict=True):
        values = [f"{value:g}" for value in row]
        lines.append(",".join([*values, str(flowers.target_names[species])]))
    return ("\n".join(lines) + "\n").encode()


EXAMPLE_DATA: dict[str, tuple[str, Callable[[], bytes]]] = {"iris": ("iris.csv", iris_csv)}
"""File name and content of a template's example data."""

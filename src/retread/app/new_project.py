"""A new project from a template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retread.core import Conflict, InvalidInput
from retread.project.templates import template_files


def new_project(folder: Path, template: str) -> tuple[str, ...]:
    """Lay a template down in `folder`, with its example data; the paths of its files.

    Raises UnknownOption for the template, Conflict when the folder holds something; then nothing
    was written.
    """
    files = template_files(template)
    above = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not above.is_dir():
        raise InvalidInput(f"{above} is a file.", "Name a new or an empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty.", "Name a new or an empty folder.")
    if template in EXAMPLE_DATA:
        name, made = EXAMPLE_DATA[template]
        files[name] = made()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tuple(sorted(files))


def iris_csv() -> bytes:
    """The 150 flowers that scikit-learn carries, as a CSV file."""
    from sklearn.datasets import load_iris

    flowers = load_iris()
    columns = [name.removesuffix(" (cm)").replace(" ", "_") for name in flowers.feature_names]
    lines = [",".join([*columns, "species"])]
    for row, species in zip(flowers.data, flowers.target, strict=True):
        values = [f"{value:g}" for value in row]
        lines.append(",".join([*values, str(flowers.target_names[species])]))
    return ("\n".join(lines) + "\n").encode()


EXAMPLE_DATA: dict[str, tuple[str, Callable[[], bytes]]] = {"iris": ("iris.csv", iris_csv)}
"""File name and maker of the data that a template brings along."""

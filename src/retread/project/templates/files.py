"""Templates as files by the path they get in a project."""

from __future__ import annotations

from pathlib import Path

from retread.core import UnknownOption

_HERE = Path(__file__).parent
_SHARED = "shared"
# Names that tools would act on are given only in the new project.
_PLACES = {"ci.yml": ".github/workflows/retread.yml", "gitignore.txt": ".gitignore"}


def template_names() -> tuple[str, ...]:
    """Every template there is."""
    return tuple(sorted(p.parent.name for p in _HERE.glob("*/retread.toml")))


def template_files(name: str) -> dict[str, bytes]:
    """The files of a template by their path in the project; UnknownOption lists the templates."""
    if name not in template_names():
        raise UnknownOption("template", name, template_names())
    files: dict[str, bytes] = {}
    for folder in (_HERE / _SHARED, _HERE / name):
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            files[_PLACES.get(path.name, path.name)] = path.read_bytes()
    return files

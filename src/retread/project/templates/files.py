"""The files of a template, by their path in a new project."""

from __future__ import annotations

from pathlib import Path

from retread.core import UnknownOption

_HERE = Path(__file__).parent
_SHARED = "shared"
# Other tools act on these names, so the files get them only in the new project.
_RENAMED = {"ci.yml": ".github/workflows/retread.yml", "gitignore.txt": ".gitignore"}


def template_names() -> tuple[str, ...]:
    """Return the names of all templates, sorted."""
    return tuple(sorted(p.parent.name for p in _HERE.glob("*/retread.toml")))


def template_files(name: str) -> dict[str, bytes]:
    """Return the content of a template's files by their path in the project.

    Raises:
        UnknownOption: There is no such template.
    """
    if name not in template_names():
        raise UnknownOption("template", name, template_names())
    files: dict[str, bytes] = {}
    for folder in (_HERE / _SHARED, _HERE / name):
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            files[_RENAMED.get(path.name, path.name)] = path.read_bytes()
    return files

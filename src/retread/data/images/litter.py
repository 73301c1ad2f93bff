"""Files and folders that systems and programs leave behind in folders of images."""

from __future__ import annotations

_FOLDERS = frozenset(
    (
        "__macosx",
        "__pycache__",
        "@eadir",
        "@recycle",
        "@tmp",
        "#recycle",
        "#snapshot",
        "lost+found",
        "$recycle.bin",
        "system volume information",
    )
)
_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))
_APPLE_DOUBLE = "._"
_NAMED_HIDDEN = frozenset((".ds_store", ".ipynb_checkpoints"))
_PREFIXES = ("synophoto_thumb", "synoindex_", "~$")


def litter_kind(name: str) -> str | None:
    """Return what kind of litter a file or folder is, judged by its name; None if it is none.

    >>> litter_kind("Thumbs.db"), litter_kind("._0001.jpg"), litter_kind("0001.jpg")
    ('Thumbs.db', '._*', None)
    """
    lower = name.lower()
    if lower in _FOLDERS or lower in _FILES or lower in _NAMED_HIDDEN:
        return name.strip()
    if name.startswith(_APPLE_DOUBLE):
        return "._*"
    if name.startswith("."):
        return "hidden"
    return next((f"{prefix}*" for prefix in _PREFIXES if lower.startswith(prefix)), None)

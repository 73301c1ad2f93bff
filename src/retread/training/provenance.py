"""The code and the environment that a training runs in."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Commit:
    """The project's git commit, '' where there is none; `dirty` when files differ from it."""

    id: str = ""
    dirty: bool = False


def commit_of(root: Path, home: Path) -> Commit:
    """The commit of the project folder; what Retread itself keeps in `home` does not count."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return Commit()
    paths = ["."]
    if home.is_relative_to(root) and home != root:
        paths.append(f":(exclude){home.relative_to(root)}")
    changed = _git(root, "status", "--porcelain", "--", *paths)
    return Commit(head.strip(), bool(changed and changed.strip()))


def environment_lock() -> bytes:
    """Python and every installed distribution, one `name==version` a line."""
    names = {
        f"{_normal(distribution.name)}=={distribution.version}"
        for distribution in metadata.distributions()
        if distribution.name
    }
    lines = [f"# Python {platform.python_version()}, {platform.machine()}", *sorted(names)]
    return ("\n".join(lines) + "\n").encode()


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

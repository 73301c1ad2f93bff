"""Which process a number means: numbers are used again, births are not."""

from __future__ import annotations

import subprocess
from pathlib import Path

_STATE, _START = 0, 19  # fields of /proc/PID/stat, counted after the command's name


def birth(pid: int) -> str:
    """When process `pid` was born, as an opaque word; '' if it is not alive."""
    if Path("/proc/self/stat").exists():
        return _birth_from_proc(pid)
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def is_alive(pid: int, born: str) -> bool:
    """Whether the process that was `pid` when it was `born` still runs."""
    return born != "" and birth(pid) == born


def _birth_from_proc(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = line.rpartition(")")[2].split()
    return "" if fields[_STATE] in {"Z", "X"} else fields[_START]

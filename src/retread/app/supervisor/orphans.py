"""Orphans: processes of a supervisor that was killed, found by a variable that they inherited."""

from __future__ import annotations

from pathlib import Path

from retread.app.supervisor.state import settings_file, state_file
from retread.core.processes import end_processes, processes_with_variable

SUPERVISED_BY = "RETREAD_SUPERVISED_BY"
"""Environment variable with the project home of the supervisor that started a process."""

REAP_TIMEOUT_S = 7.0
_GRACE_S = 5.0


def reap_orphans(home: Path) -> bool:
    """End the processes that a killed supervisor left, and remove its files.

    Only the holder of the supervisor's lock may call this: the processes of a running supervisor
    look the same.

    Returns:
        Whether there were such processes.
    """
    orphans = processes_with_variable(SUPERVISED_BY, str(home))
    end_processes(orphans, _GRACE_S)
    for left in (state_file(home), settings_file(home)):
        left.unlink(missing_ok=True)
    return bool(orphans)

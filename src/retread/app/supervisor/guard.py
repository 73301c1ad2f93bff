"""`python -m retread.app.supervisor.guard FD MODULE ARGUMENTS...`: MODULE, which ends with FD.

FD is the reading end of a pipe whose writing end only the supervisor holds. However the
supervisor dies, the pipe ends, and with it this process and its process group. A death signal
(PR_SET_PDEATHSIG) would not reach grandchildren, nor work outside Linux.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 8.0


def main(arguments: list[str]) -> None:
    descriptor, module, *rest = arguments
    os.set_inheritable(int(descriptor), False)
    threading.Thread(target=_end_with, args=(int(descriptor),), daemon=True).start()
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Child processes that end with their parent, however the parent ends.

The parent keeps the write end of a pipe (`ParentPipe`) to which nothing is ever written. The child
reads from the other end, which closes even if the parent is killed (`ParentWatch`). A death signal
(PR_SET_PDEATHSIG) would not reach grandchildren, nor work outside Linux.

`python -m retread.core.parent_watch FD MODULE ARGUMENTS...` runs a module that knows nothing of
this: its process group is terminated when the pipe at FD closes.
"""

from __future__ import annotations

import gc
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

_GRACE_S = 8.0
_ALLOCATIONS_PER_COLLECTION = 50_000
"""What a module imports is there to stay, and Python would look through it again every 700 objects:
an eighth of the CPU time in which the services start."""
_STANDARD_STREAMS = (0, 1, 2)


class ParentPipe:
    """The parent's side of the pipe.

    Pass `child_end` to children with `subprocess.Popen(..., pass_fds=(pipe.child_end,))`. It stays
    open in the parent so that further children can be started.
    """

    def __init__(self) -> None:
        self._parent_end: int | None
        self.child_end, self._parent_end = os.pipe()

    def close_parent_end(self) -> None:
        """Make every child end as if the parent had ended."""
        if self._parent_end is not None:
            os.close(self._parent_end)
            self._parent_end = None

    def close(self) -> None:
        """Close both ends; to be called once."""
        self.close_parent_end()
        os.close(self.child_end)


class ParentWatch:
    """Calls `on_parent_end` in a daemon thread once the parent has ended or closed the pipe.

    `on_parent_end` may be replaced at any time, for example once there is something to clean up.
    """

    def __init__(self, descriptor: int, on_parent_end: Callable[[], None]) -> None:
        """Prepare the watch.

        Args:
            descriptor: Read end of the pipe; 0 if the parent passed the pipe as stdin.
            on_parent_end: What to do when the parent has ended.
        """
        self.on_parent_end = on_parent_end
        self._descriptor = descriptor

    def start(self) -> None:
        """Start the thread."""
        if self._descriptor not in _STANDARD_STREAMS:
            # Children of this process need their standard streams, but not this pipe.
            os.set_inheritable(self._descriptor, False)
        threading.Thread(target=self._wait, name="parent-watch", daemon=True).start()

    def _wait(self) -> None:
        while os.read(self._descriptor, 4096):
            pass
        self.on_parent_end()


def terminate_process() -> None:
    """Send SIGTERM to this process, whose handler may shut it down in order."""
    os.kill(os.getpid(), signal.SIGTERM)


def terminate_process_group(grace_s: float = _GRACE_S) -> None:
    """Send SIGTERM to this process group, and SIGKILL after `grace_s` seconds."""
    os.killpg(0, signal.SIGTERM)
    time.sleep(grace_s)
    os.killpg(0, signal.SIGKILL)


def exit_process(
    code: int, clean_up: Callable[[], None] = lambda: None, within_s: float = _GRACE_S
) -> NoReturn:
    """Exit with status `code` from any thread, whatever the main thread is doing.

    Args:
        code: Exit status.
        clean_up: Called first.
        within_s: Time that `clean_up` may take before the process exits without waiting for it.
    """
    limit = threading.Timer(within_s, os._exit, (code,))
    limit.daemon = True
    limit.start()
    try:
        clean_up()
    finally:
        os._exit(code)


def main(arguments: list[str]) -> None:
    """Run a module, with its arguments, that ends with the parent."""
    descriptor, module, *rest = arguments
    ParentWatch(int(descriptor), partial(terminate_process_group, _GRACE_S)).start()
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, *gc.get_threshold()[1:])
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

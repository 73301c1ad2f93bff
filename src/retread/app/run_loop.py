"""The loop as a process: python -m retread.app.run_loop --project PATH"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from retread.app.known_names import known_names
from retread.app.loop_ports import loop_of
from retread.app.workspace import Workspace
from retread.core import RetreadError
from retread.project import open_project
from retread.registry.mirror import publish_stages

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def run(project: Path) -> int:
    """Run the loop until SIGTERM or SIGINT; the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        workspace = Workspace(open_project(project, os.environ, known_names()))
        loop = loop_of(workspace, os.environ)
    except RetreadError as error:
        log.error("%s", error)
        return 1
    _show_stages(workspace)
    loop.start()
    # The line by which the supervisor knows.
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop.run(stop, workspace.settings.monitoring.interval_s)
    log.info("Stopping.")
    loop.stop()
    return 0


def _show_stages(workspace: Workspace) -> None:
    """What a promoter that was killed had no time to show."""
    try:
        publish_stages(workspace.registry.state(), (workspace.mirror,))
    except RetreadError as error:
        log.warning("The stages could not be read: %s", error)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    logging.basicConfig(level=logging.INFO, format=_FORMAT, stream=sys.stdout)
    project = parser.parse_args().project
    code = 1
    try:
        code = run(project)
    except Exception:  # threads of the workflows would keep the process, and "ready", alive
        log.exception("The loop ended.")
    logging.shutdown()
    # A training that does not notice is not waited for: its child dies with us, and the run is
    # taken up at the next start.
    os._exit(code)


if __name__ == "__main__":
    main()

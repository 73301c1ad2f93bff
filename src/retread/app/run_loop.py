"""`python -m retread.app.run_loop --project PATH`: run the loop as a process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from retread.app.loop_adapters import loop_of
from retread.app.projects import open_checked_project
from retread.app.workspace import Workspace
from retread.core import RetreadError
from retread.registry.mirror import publish_stages

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def run(project: Path) -> int:
    """Run the loop until SIGTERM or SIGINT, and return the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        workspace = Workspace(open_checked_project(project, os.environ), actor="loop")
        loop = loop_of(workspace, os.environ)
    except RetreadError as error:
        log.error("%s", error)
        return 1
    _publish_stages(workspace)
    loop.start()
    # The supervisor waits for this line.
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop.run(stop, workspace.settings.monitoring.interval_s)
    log.info("Stopping.")
    loop.stop()
    return 0


def _publish_stages(workspace: Workspace) -> None:
    """Publish the stages that a killed process may not have published."""
    try:
        publish_stages(workspace.registry.state(), (workspace.mirror,))
    except RetreadError as error:
        log.warning("The stages could not be read: %s", error)


def main() -> None:
    """Parse the arguments, run the loop and exit."""
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
    # A training that does not react is not waited for: its process ends with this one, and the run
    # is resumed at the next start.
    os._exit(code)


if __name__ == "__main__":
    main()

"""A supervisor in a process of its own, over the services that a test describes.

Run as `python supervising.py PROJECT SERVICES.json`; it is the real one, with stand-ins only for
what it runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from retread.app.supervisor import Service, Supervisor
from retread.core import SystemClock
from retread.project import open_project


def main() -> None:
    project = open_project(Path(sys.argv[1]), os.environ)
    services = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=tuple[Service, ...])
    Supervisor(project, services, SystemClock(), os.environ).run()


if __name__ == "__main__":
    main()

"""`python run_supervisor.py PROJECT SERVICES.json`: the real supervisor, of the given services."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from retread.app.supervisor import Service, ServiceSupervisor
from retread.core import SystemClock
from retread.project import open_project


def main() -> None:
    project = open_project(Path(sys.argv[1]), os.environ)
    services = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=tuple[Service, ...])
    ServiceSupervisor(project, services, SystemClock(), os.environ).run()


if __name__ == "__main__":
    main()

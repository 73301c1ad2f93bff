"""`python -m retread.app.supervisor --project PATH [--foreground]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from retread.app.supervisor.lifecycle import refuse_taken_ports
from retread.app.supervisor.service import services_of
from retread.app.supervisor.state import ServiceState, SupervisorStatus
from retread.app.supervisor.supervisor import ServiceSupervisor, ignore_hangup
from retread.core import RetreadError, SystemClock
from retread.project import open_project


def main(arguments: list[str]) -> int:
    """Run the supervisor until a signal ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="retread.app.supervisor")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true", help="print state changes")
    options = parser.parse_args(arguments)
    try:
        project = open_project(options.project, os.environ)
        services = services_of(project)
        refuse_taken_ports(services)
        if not options.foreground:
            ignore_hangup()
        on_status = StatusPrinter() if options.foreground else _ignore
        ServiceSupervisor(project, services, SystemClock(), os.environ, on_status).run()
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


class StatusPrinter:
    """Prints each state change of a service once."""

    def __init__(self) -> None:
        self._printed: dict[str, tuple[ServiceState, int]] = {}

    def __call__(self, status: SupervisorStatus) -> None:
        for service in status.services:
            now = (service.state, service.restarts)
            if self._printed.get(service.name) != now:
                self._printed[service.name] = now
                waiting = service.state is ServiceState.WAITING
                output = service.last_lines[-2:] if waiting else ()
                head = f"{service.name:<10}{service.state:<10}{service.address or ''}"
                sys.stdout.write("\n    ".join([head, *output]).rstrip() + "\n")
                sys.stdout.flush()


def _ignore(status: SupervisorStatus) -> None:
    del status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

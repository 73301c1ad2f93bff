"""`python -m retread.app.supervisor --project PATH [--foreground]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from retread.app.supervisor.service import services_of
from retread.app.supervisor.state import Status
from retread.app.supervisor.supervise import Supervisor, ignore_hangup
from retread.app.supervisor.up import refuse_taken_ports
from retread.core import RetreadError, SystemClock
from retread.project import open_project


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="retread.app.supervisor")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true", help="tell what happens")
    options = parser.parse_args(arguments)
    try:
        project = open_project(options.project, os.environ)
        services = services_of(project)
        refuse_taken_ports(services)
        if not options.foreground:
            ignore_hangup()
        tell = Teller() if options.foreground else _silent
        Supervisor(project, services, SystemClock(), os.environ, tell).run()
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


class Teller:
    """Prints each change of a service once."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int]] = {}

    def __call__(self, status: Status) -> None:
        for service in status.services:
            now = (service.state.value, service.restarts)
            if self._told.get(service.name) != now:
                self._told[service.name] = now
                words = service.last_lines[-2:] if service.state == "waiting" else ()
                line = [f"{service.name:<10}{service.state:<10}{service.address}", *words]
                sys.stdout.write("\n    ".join(line).rstrip() + "\n")
                sys.stdout.flush()


def _silent(status: Status) -> None:
    del status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

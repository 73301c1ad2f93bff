"""`python -m retread.app.control --project PATH --port N`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from retread.app import triggers
from retread.app.control.application import Control, control_app
from retread.app.control.page import Links
from retread.app.overview import LedgerView, unsettled
from retread.app.supervisor.addresses import addresses_of
from retread.app.workspace import Workspace
from retread.bundle import CauseKind
from retread.core import Refused, RetreadError
from retread.loop import TriggerOptions
from retread.project import open_project


def main() -> int:
    """Serve until SIGTERM; 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="retread.app.control")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        control = control_of(Workspace(open_project(options.project, os.environ)))
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    uvicorn.run(
        control_app(control), host="127.0.0.1", port=options.port, log_level="warning", ws="none"
    )
    return 0


def control_of(workspace: Workspace) -> Control:
    """What the pages show and ask for."""
    outbox = workspace.outbox()
    return Control(
        model=workspace.settings.project.name,
        view=LedgerView(workspace.ledger),
        messages=lambda: unsettled(outbox),
        ask=lambda kind, message: ask(workspace, kind, message),
        links=links(workspace),
        clock=workspace.clock,
    )


def ask(workspace: Workspace, kind: CauseKind, message: str) -> dict[str, str]:
    """Ask the arbiter; what it decided, or Refused for anything but yes."""
    request = triggers.ask(workspace, kind, TriggerOptions(message=message))
    if not request.accepted:
        raise Refused(f"{request.decision}: {request.reason}", "See /api/triggers.")
    return {
        "trigger": request.trigger,
        "decision": request.decision or "",
        "reason": request.reason,
    }


def links(workspace: Workspace) -> Links:
    """Where `up` put the other servers, or else where the settings say."""
    addresses = addresses_of(workspace.settings, os.environ)
    return Links(tracking=addresses.tracking, serving=addresses.serving)


if __name__ == "__main__":
    sys.exit(main())

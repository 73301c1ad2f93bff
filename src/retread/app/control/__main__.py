"""`python -m retread.app.control --project PATH --port N`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from retread.app.control.application import Control, control_app
from retread.app.control.page import Links
from retread.app.overview import LedgerView, LiveReader, undelivered_messages
from retread.app.supervisor import addresses_of
from retread.app.triggers import TriggerResponse, request_retraining, require_accepted
from retread.app.workspace import Workspace
from retread.bundle import CauseKind
from retread.core import RetreadError
from retread.loop import TriggerOptions
from retread.project import open_project
from retread.training.tracking.mlflow_store import experiment_path


def main() -> int:
    """Serve until SIGTERM; return 1 if it could not start."""
    parser = argparse.ArgumentParser(prog="retread.app.control")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        control = control_of(
            Workspace(open_project(options.project, os.environ), actor="status page")
        )
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    uvicorn.run(
        control_app(control), host="127.0.0.1", port=options.port, log_level="warning", ws="none"
    )
    return 0


def control_of(workspace: Workspace) -> Control:
    """Return the route handlers of a workspace."""
    outbox = workspace.outbox()

    def request(kind: CauseKind, message: str) -> TriggerResponse:
        return require_accepted(
            request_retraining(workspace, kind, TriggerOptions(message=message))
        )

    addresses = addresses_of(workspace.settings, os.environ)
    return Control(
        model=workspace.settings.project.name,
        view=LedgerView(workspace.ledger),
        messages=lambda: undelivered_messages(outbox),
        live=LiveReader(workspace, os.environ).read,
        request_retraining=request,
        links=Links(tracking=addresses.tracking, serving=addresses.serving),
        clock=workspace.clock,
        experiment=lambda: experiment_path(workspace.project),
        zone=workspace.settings.project.zone,
    )


if __name__ == "__main__":
    sys.exit(main())

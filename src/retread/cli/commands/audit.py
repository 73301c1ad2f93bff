"""`retread audit verify`."""

from __future__ import annotations

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import IntegrityBroken


def register(app: typer.Typer) -> None:
    audit_app = typer.Typer(help="Whether what was recorded is still what it was.")
    audit_app.command("verify")(verify)
    # A callback keeps `verify` a subcommand although it is the only one.
    audit_app.callback()(_audit)
    app.add_typer(audit_app, name="audit")


def verify(project: ProjectPath = HERE, json: Json = False) -> None:
    """Check the ledger's chain, every bundle and every dataset version."""
    from retread.app.audit import audit_workspace
    from retread.cli.progress import progress

    with progress() as report:
        found = audit_workspace(workspace(project), report)
    if found.problems:
        raise IntegrityBroken("\n".join(found.problems))
    text = f"{found.entries} ledger entries and {found.bundles} bundles are what they were."
    emit(found, as_json=json, text=text)


def _audit() -> None:
    """Whether what was recorded is still what it was."""

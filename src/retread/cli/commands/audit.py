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
    from retread.app.auditing import audit_workspace

    report = audit_workspace(workspace(project))
    if report.problems:
        raise IntegrityBroken("\n".join(report.problems))
    text = f"{report.entries} ledger entries and {report.bundles} bundles are what they were."
    emit(report, as_json=json, text=text)


def _audit() -> None:
    """Whether what was recorded is still what it was."""

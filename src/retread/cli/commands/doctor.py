"""`retread doctor`: check the machine and the project."""

from __future__ import annotations

import os

import typer

from retread.cli.options import HERE, Json, ProjectPath
from retread.cli.output import PART_FAILED, emit

_SIGNS = {"ok": "ok  ", "note": "note", "problem": "BAD ", "failed": "FAIL"}


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Check the machine and the project.

    Checks Python, packages and disk space, and the project's settings, ports, ledger, and the
    parts of the running system. Exits with 1 for a problem, and with 5 if a part has failed.
    """
    from retread.app.doctor import Condition, examine

    findings = examine(project, os.environ)
    lines = [f"{_SIGNS[f.condition]}  {f.subject:<12}{f.text}" for f in findings]
    emit(findings, as_json=as_json, text="\n".join(lines))
    if any(finding.condition is Condition.FAILED for finding in findings):
        raise typer.Exit(PART_FAILED)
    if any(finding.condition is Condition.PROBLEM for finding in findings):
        raise typer.Exit(1)

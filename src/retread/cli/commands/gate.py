"""`retread gate`."""

from __future__ import annotations

from typing import Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors
from retread.core import Outcome

EXIT = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)


def gate(
    version: Annotated[int, typer.Argument(help="Model version.")],
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Judge a version against production, check by check, and record the verdict."""
    from retread.app.gate import judge_version
    from retread.cli.tables import verdict_table

    verdict = judge_version(workspace(project), version)
    emit(verdict, as_json=json, text=verdict_table(f"Version {version}", verdict))
    if verdict.outcome is not Outcome.PASS:
        errors.print(f"The gate says {verdict.outcome}: {verdict.reasons[0]}", markup=False)
    raise typer.Exit(EXIT[verdict.outcome])

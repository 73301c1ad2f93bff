"""`retread gate`, `stage`, `shadow`, `promote`, `production`, `rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, WrongUsage, workspace
from retread.cli.output import emit, errors
from retread.core import Outcome

if TYPE_CHECKING:
    from retread.registry import Promotion

Version = Annotated[
    int | None,
    typer.Argument(metavar="VERSION", help="Model version. Default: chosen by --metric."),
]
ByMetric = Annotated[
    str, typer.Option("--metric", help="Loss, Accuracy, ... Default: [gate] metric.")
]
Reason = Annotated[str, typer.Option("--reason", help="Reason, recorded in the ledger.")]

_GATE_EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)
    app.command("stage")(stage)
    app.command("shadow")(shadow)
    app.command("promote")(promote)
    app.command("produce", hidden=True)(promote)
    app.command("production")(production)
    app.command("rollback")(rollback)


def gate(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Model version.")],
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Judge a version against production.

    Prints the result of every check, and records the verdict.
    """
    from retread.app.gate import judge_version
    from retread.cli.tables import verdict_table

    verdict = judge_version(workspace(project), version)
    emit(verdict, as_json=json, text=verdict_table(f"Version {version}", verdict))
    if verdict.outcome is not Outcome.PASS:
        errors.print(f"The verdict of the gate is {verdict.outcome}: {verdict.reasons[0]}")
    raise typer.Exit(_GATE_EXIT_CODES[verdict.outcome])


def stage(
    version: Version = None, metric: ByMetric = "", project: ProjectPath = HERE, json: Json = False
) -> None:
    """Move a version to Staging.

    Without VERSION, the best version by --metric on the validation split.
    """
    from retread.registry import choose_to_stage

    work = workspace(project)
    state = work.registry.state()
    _check_one_way(version, metric)
    if version is None:
        metric = metric or work.settings.gate.metric
        version = choose_to_stage(state, metric).version
    held = work.promoter.stage(version, metric=metric)
    text = f"Version {held.version} is staged (generation {held.generation})."
    emit(held, as_json=json, text=text)


def shadow(
    version: Annotated[int | None, typer.Argument(metavar="VERSION", help="Model version.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Empty the slot.")] = False,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Mirror production traffic to a version without returning its predictions."""
    from retread.registry.events import Slot

    if clear != (version is None):
        raise WrongUsage(
            "Either a version or --clear is required.", "Use: retread shadow VERSION, or --clear"
        )
    promoter = workspace(project).promoter
    if version is None:
        promoter.clear(Slot.SHADOW, reason="cleared manually")
        body = {"slot": Slot.SHADOW, "version": None}
        emit(body, as_json=json, text="The shadow slot is empty.")
        return
    held = promoter.assign(Slot.SHADOW, version, reason="assigned manually")
    text = f"Version {held.version} is in the shadow slot (generation {held.generation})."
    emit(held, as_json=json, text=text)


def promote(
    version: Version = None,
    metric: ByMetric = "",
    force: Annotated[
        bool, typer.Option("--force", help="Bypass the gate. Requires --reason.")
    ] = False,
    accept_labels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="A label that may come or go with the version; once for each of them.",
        ),
    ] = None,
    reason: Reason = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Promote a version that passes the gate.

    Without VERSION, the staged version; of several, the best by --metric.
    """
    from retread.app.gate import promote_version
    from retread.registry import choose_to_promote

    if force and not reason.strip():
        raise WrongUsage("--force requires --reason.", "Add: --reason TEXT")
    _check_one_way(version, metric)
    work = workspace(project)
    if version is None:
        metric = metric or work.settings.gate.metric
        version = choose_to_promote(work.registry.state(), metric).version
    promotion = promote_version(
        work, version, reason.strip(), force=force, accept_labels=accept_labels or ()
    )
    _emit_promotion(promotion, as_json=json)


def production(project: ProjectPath = HERE, json: Json = False) -> None:
    """Show the version in production.

    Also shows the other slots, and all versions with their stages.
    """
    from retread.cli.tables import slots_table

    state = workspace(project).registry.state()
    body = {
        "production": state.production_version,
        "slots": state.slots,
        "promotion": state.promotion,
    }
    emit(body, as_json=json, text=slots_table(state))


def rollback(
    to: Annotated[
        int | None, typer.Option("--to", help="Version. Default: the previous one in production.")
    ] = None,
    reason: Reason = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Return production to an earlier version."""
    _emit_promotion(workspace(project).promoter.rollback(to, reason=reason), as_json=json)


def _check_one_way(version: int | None, metric: str) -> None:
    if version is not None and metric:
        raise WrongUsage(
            f"Version {version} and --metric {metric} cannot be combined.",
            "Give one of them.",
        )


def _emit_promotion(promotion: Promotion, *, as_json: bool) -> None:
    replaced = f", replacing version {promotion.previous}" if promotion.previous else ""
    text = f"Version {promotion.version} is in production{replaced}"
    text += f" (generation {promotion.generation}). "
    if servers := len(promotion.servers):
        text += f"{servers} {'server' if servers == 1 else 'servers'} acknowledged it."
    else:
        text += "No server is running; the version is served from the next start."
    emit(promotion, as_json=as_json, text=text)

"""`retread stage`, `shadow`, `produce`, `promote`, `production`, `rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import InvalidInput

if TYPE_CHECKING:
    from retread.registry import Promotion

Version = Annotated[int | None, typer.Argument(help="Model version; left out, by --metric.")]
ByMetric = Annotated[
    str, typer.Option("--metric", help="Loss, Accuracy, ...; left out, [gate] metric.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]


def register(app: typer.Typer) -> None:
    app.command("stage")(stage)
    app.command("shadow")(shadow)
    app.command("produce")(produce)
    app.command("promote", help="The same as produce.")(produce)
    app.command("production")(production)
    app.command("rollback")(rollback)


def stage(
    version: Version = None, metric: ByMetric = "", project: ProjectPath = HERE, json: Json = False
) -> None:
    """Stage the best version by a metric, or one by its number."""
    from retread.registry import choose_to_stage

    space = workspace(project)
    state = space.registry.state()
    _check_one_way(version, metric)
    if version is None:
        metric = metric or space.settings.gate.metric
        version = choose_to_stage(state, metric).version
    held = space.promoter.stage(version, metric=metric)
    emit(
        held, as_json=json, text=f"Version {held.version} is staged, generation {held.generation}."
    )


def shadow(
    version: Annotated[int | None, typer.Argument(help="Model version.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Empty the slot.")] = False,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Let a version score what production is asked; nobody gets its answers."""
    from retread.registry.events import Slot

    if clear != (version is None):
        raise InvalidInput(
            "One of a version and --clear is needed.", "Use: retread shadow VERSION, or --clear"
        )
    promoter = workspace(project).promoter
    if version is None:
        promoter.clear(Slot.SHADOW, reason="cleared by hand")
        emit({"slot": Slot.SHADOW, "version": 0}, as_json=json, text="The slot shadow is empty.")
        return
    held = promoter.assign(Slot.SHADOW, version, reason="put there by hand")
    text = f"Version {held.version} scores in the shadow, generation {held.generation}."
    emit(held, as_json=json, text=text)


def produce(
    version: Version = None,
    metric: ByMetric = "",
    force: Annotated[bool, typer.Option("--force", help="Pass the gate; needs --reason.")] = False,
    reason: Reason = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Promote the staged version, or one by its number, if the gate passes it."""
    from retread.app.gate import promote_version
    from retread.registry import choose_to_promote

    if force != bool(reason.strip()):
        raise InvalidInput("--force and --reason go together.", "Add: --force --reason TEXT")
    _check_one_way(version, metric)
    space = workspace(project)
    if version is None:
        metric = metric or space.settings.gate.metric
        version = choose_to_promote(space.registry.state(), metric).version
    _tell(promote_version(space, version, reason.strip()), as_json=json)


def production(project: ProjectPath = HERE, json: Json = False) -> None:
    """Show what is in production, in the other slots, and under way."""
    from retread.cli.tables import slots_table

    state = workspace(project).registry.state()
    body = {
        "production": state.production_version,
        "slots": state.slots,
        "promotion": state.promotion,
    }
    emit(body, as_json=json, text=slots_table(state))


def rollback(
    to: Annotated[int | None, typer.Option("--to", help="Version; left out, the last one.")] = None,
    reason: Reason = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Put an earlier production version back."""
    _tell(workspace(project).promoter.rollback(to, reason=reason), as_json=json)


def _check_one_way(version: int | None, metric: str) -> None:
    if version is not None and metric:
        raise InvalidInput(
            f"Version {version} and metric {metric} may mean two versions.", "Give one of them."
        )


def _tell(promotion: Promotion, *, as_json: bool) -> None:
    servers = len(promotion.servers)
    known = "1 server has" if servers == 1 else f"{servers} servers have"
    replaced = f" in place of version {promotion.previous}" if promotion.previous else ""
    text = (
        f"Version {promotion.version} is in production{replaced}: "
        f"generation {promotion.generation}; {known} acknowledged."
    )
    emit(promotion, as_json=as_json, text=text)

"""Format the registry's state, history, verdicts and lineage."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Group
from rich.text import Text

from retread.app.overview import describe_event
from retread.cli.listing import Listing, ListingColumn
from retread.cli.times import shown_time
from retread.core import Outcome, Verdict, format_metrics, short
from retread.core.visible_text import visible
from retread.registry import Entry, Period, RegistryState, VersionLineage
from retread.serving import PredictionRecord

_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.INCONCLUSIVE: "yellow"}


def verdict_table(title: str, verdict: Verdict) -> Listing:
    """Format a verdict, one check per line."""
    table = Listing(
        f"{title}: {verdict.outcome}", "check", "outcome", ListingColumn("reason", wrap=True)
    )
    for check in verdict.checks:
        outcome = Text(check.outcome, style=_STYLES[check.outcome])
        table.add(check.check, outcome, Text(visible(check.reason)))
    return table


def slots_table(state: RegistryState) -> Group:
    """Format the slots with their versions, and every version with its stage."""
    slots = Listing(
        "Slots",
        "slot",
        "version",
        "share",
        ListingColumn("generation", drop=1),
        ListingColumn("bundle", drop=2),
    )
    for slot, held in sorted(state.slots.items()):
        slots.add(
            slot,
            str(held.version),
            f"{held.share:.0%}",
            str(held.generation),
            short(held.bundle or ""),
        )
    versions = Listing(
        "Versions",
        "version",
        "stage",
        "model type",
        ListingColumn("data", drop=1),
        ListingColumn("metrics (evaluation split)", wrap=True),
    )
    for number, version in sorted(state.versions.items()):
        data = f"{version.dataset}@{version.dataset_version}"
        versions.add(
            str(number), version.stage, version.model_type, data, _metrics(version.metrics)
        )
    opened = state.promotion
    in_progress = f"The promotion of version {opened.version} is in progress." if opened else ""
    nothing = "" if state.production else "No version is in production yet."
    return Group(slots, versions, *(Text(line) for line in (in_progress, nothing) if line))


def history_table(entries: Iterable[Entry]) -> Listing:
    """Format events, one per line."""
    table = Listing(
        "History", "entry", "time", ListingColumn("by", drop=1), ListingColumn("event", wrap=True)
    )
    for entry in entries:
        table.add(
            str(entry.sequence),
            shown_time(entry.at),
            entry.event.actor,
            Text(describe_event(entry.event)),
        )
    return table


def lineage_text(lineage: VersionLineage, request: PredictionRecord | None = None) -> Text:
    """Format the origin of a version, or of the prediction for a request, one fact per line."""
    commit = lineage.git_commit or "none"
    cause = lineage.cause
    facts = {
        "request": _prediction(request) if request else "",
        "version": f"{lineage.version}, {lineage.stage}",
        "data": f"{lineage.dataset}@{lineage.dataset_version} {lineage.dataset_digest}",
        "evaluation split": lineage.evaluation_digest,
        "commit": commit + (" with uncommitted changes" if lineage.git_dirty else ""),
        "environment": lineage.environment_digest,
        "run": f"{lineage.run_id}, {lineage.model_type}, seed {lineage.seed}",
        "cause": " ".join(filter(None, (cause.kind, cause.detail, cause.trigger))),
        "metrics": _metrics(lineage.metrics),
        "bundle": lineage.bundle,
        "verdict": lineage.verdict.outcome if lineage.verdict else "none",
        "compared with": f"version {lineage.compared_with}" if lineage.compared_with else "nothing",
        "forced": lineage.forced or "",
    }
    lines = [(name, visible(value)) for name, value in facts.items() if value]
    checks = lineage.verdict.checks if lineage.verdict else ()
    lines += [(f"  {check.check}", f"{check.outcome}: {check.reason}") for check in checks]
    lines += [(f"in {period.slot}", _served(period)) for period in lineage.served]
    return Text("\n".join(f"{name:<18}{value}" for name, value in lines))


def _prediction(record: PredictionRecord) -> str:
    slot = record.answer.slot if record.answer else "no slot"
    return (
        f"{record.id}, predicted in {slot} at {shown_time(datetime.fromtimestamp(record.at, UTC))}"
    )


def _served(period: Period) -> str:
    until = shown_time(period.until) if period.until else "now"
    return (
        f"{shown_time(period.since)} to {until}, {period.share:.0%}, generation {period.generation}"
    )


def _metrics(metrics: dict[str, float]) -> str:
    return format_metrics(metrics, sorted(metrics))

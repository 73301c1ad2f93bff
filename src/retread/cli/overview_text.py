"""Format what a project does now, for `retread status`."""

from __future__ import annotations

from collections.abc import Iterator

from retread.app.overview import LiveState, Overview, Retraining
from retread.app.supervisor import SupervisorStatus
from retread.cli.times import shown_time
from retread.core import format_metric

_NO_ADDRESS = "no address; set RETREAD_SLACK_WEBHOOK or [notify.slack] webhook_file"


def services_text(status: SupervisorStatus) -> str:
    """Format one line per service, with the log's end of those that failed."""
    lines = []
    for service in status.services:
        restarts = f"  restarts: {service.restarts}" if service.restarts else ""
        head = f"{service.name:<10}{service.state.value:<10}{service.address or '':<24}"
        lines.append(f"{head}since {shown_time(service.since)}{restarts}")
        if service.next_start:
            lines.append(f"    restarts at {shown_time(service.next_start)}")
        lines += [f"    {line}" for line in service.last_lines]
    return "\n".join(lines)


def failures_text(live: LiveState) -> str:
    """Format one line per part that failed; empty if none did."""
    lines = []
    for one in live.failed:
        since = f", since {shown_time(one.since)}" if one.since else ""
        lines.append(f"FAILED  {one.part}: {one.problem.rstrip('.')}{since}.")
    return "\n".join(lines)


def project_text(shown: Overview) -> str:
    """Format versions, quality, alarms, canary, retrainings and messages, one line each."""
    return "\n".join(_lines(shown))


def _lines(shown: Overview) -> Iterator[str]:
    for slot in shown.slots:
        share = f" for {slot.share:.0%} of traffic" if slot.share < 1 else ""
        made = f" ({slot.model_type} on {slot.dataset})" if slot.model_type else ""
        since = f", since {shown_time(slot.since)}" if slot.since else ""
        yield f"{slot.slot.capitalize()}: version {slot.version}{share}{made}{since}."
    if not any(slot.slot == "production" for slot in shown.slots):
        yield "No version is in production yet."
    yield from _live_lines(shown.live)
    for retraining in shown.retrainings:
        yield _progress_line(retraining)
    if (latest := shown.latest_retraining) is not None:
        reason = f": {latest.reason.rstrip('.')}" if latest.reason else ""
        yield (
            f"Latest retraining ({latest.kind}): {latest.outcome} at {shown_time(latest.since)}"
            f"{reason}."
        )
    yield from _pace_and_notifiers(shown.live)
    for message in shown.messages:
        yield message.text
    for changed in shown.live.not_in_use:
        yield f"Setting {changed.text}"


def _live_lines(live: LiveState) -> Iterator[str]:
    if (quality := live.quality) is not None:
        yield (
            f"Traffic: {quality.requests:,} requests of version {quality.version}, "
            f"{quality.windows} full windows."
        )
        if quality.metric is not None and quality.expected is not None:
            expected = f"{format_metric(quality.expected)} expected (evaluation split)"
            if quality.observed is None:
                yield f"Quality: {quality.metric} unknown, no labels yet; {expected}."
            else:
                yield (
                    f"Quality: {quality.metric} {format_metric(quality.observed)} on the latest "
                    f"of {quality.labels:,} labelled predictions; {expected}."
                )
        yield from (f"ALARM ({alarm.kind}): {alarm.text}" for alarm in live.standing)
        if not live.standing:
            yield "No alarm stands."
    if (canary := live.canary) is not None:
        yield (
            f"Canary: version {canary.version} against version {canary.production}, step "
            f"{canary.step} of {canary.steps} ({canary.share:.0%} of traffic): "
            f"{canary.verdict.outcome}."
        )
        for check in canary.verdict.checks:
            yield f"  {check.check}: {check.outcome}, {check.reason}"


def _progress_line(retraining: Retraining) -> str:
    version = f", version {retraining.version}" if retraining.version else ""
    in_canary = retraining.phase == "canary" and retraining.share
    share = f" at {retraining.share:.0%}" if in_canary else ""
    detail = f": {retraining.detail}" if retraining.detail else ""
    return (
        f"Retraining {retraining.trigger}: {retraining.phase}{share} since "
        f"{shown_time(retraining.since)}{version} ({retraining.kind}{detail})."
    )


def _pace_and_notifiers(live: LiveState) -> Iterator[str]:
    if (pace := live.pace) is not None:
        spent = f"{pace.spent} of {pace.budget} retrainings of the last 24 hours"
        if pace.cooldown_until is not None:
            yield f"Cooldown until {shown_time(pace.cooldown_until)}; {spent}."
        else:
            yield f"No cooldown; {spent}."
    for notifier in live.notifiers:
        counts = ", ".join(f"{count} {state}" for state, count in notifier.messages.items())
        setup = _NO_ADDRESS if (notifier.name, notifier.setup) == ("slack", "no address") else ""
        states = "; ".join(filter(None, (setup or notifier.setup, counts)))
        yield f"{notifier.name.capitalize()}: {states}."

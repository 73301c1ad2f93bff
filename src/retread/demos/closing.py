"""What a demo with labels came to, from the ledger and from what was answered."""

from __future__ import annotations

from retread.demos.alarms import Turn
from retread.demos.comparison import Comparison
from retread.demos.goals import goals
from retread.demos.line import Line
from retread.demos.links import bring_up, links
from retread.demos.moments import moments, since
from retread.demos.scores import Scores
from retread.demos.script import CHANGED, FRESH, QUIET, Script
from retread.demos.stage import Stage
from retread.demos.summary import Measured, Summary, is_closed, next_commands, version_rows


def summarise(
    stage: Stage, line: Line, script: Script, turn: Turn, compared: Comparison | None
) -> Summary:
    space, entries = stage.space, stage.narrator.entries
    reached = goals(entries, script.things, turn, compared)
    state = space.registry.state()
    return Summary(
        demo=script.demo,
        folder=str(stage.folder),
        closed=is_closed(reached),
        seconds=stage.story.seconds,
        goals=reached,
        moments=moments(entries, since(stage.story.began)),
        versions=version_rows(state),
        caveat=script.caveat,
        metric="Accuracy",
        measured=(*_answered(line.scores), *_compared(compared)),
        figures={},
        messages=stage.slack.headlines,
        up=bring_up(stage.folder),
        links=links(stage.folder),
        commands=next_commands(str(stage.folder), line.last_id, len(state.served) > 1),
    )


def _answered(scores: Scores) -> tuple[Measured, ...]:
    """Answers as they were given; those to fresh questions are compared instead."""
    return tuple(
        Measured(
            traffic=kind,
            who=f"version {version}",
            mean=scores.of(kind, version).mean,
            answers=scores.of(kind, version).count,
        )
        for kind in (QUIET, CHANGED)
        for version in scores.versions()
        if scores.of(kind, version).count
    )


def _compared(compared: Comparison | None) -> tuple[Measured, ...]:
    if compared is None:
        return ()
    shares = ((compared.first, compared.before), (compared.then, compared.after))
    return tuple(
        Measured(traffic=FRESH, who=f"version {version}", mean=share, answers=compared.questions)
        for version, share in shares
    )

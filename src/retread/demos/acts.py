"""The acts of a demo with labels to tell apart: data, model, quiet, change, answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice

from retread.demos.first_model import deploy, train, version_data
from retread.demos.goals import goals
from retread.demos.line import Line
from retread.demos.moments import events_of, moments, since
from retread.demos.question import Supply
from retread.demos.scores import Scores
from retread.demos.stage import Stage
from retread.demos.story import Tone
from retread.demos.summary import (
    Summary,
    is_closed,
    measured_rows,
    next_commands,
    version_rows,
)
from retread.registry.events import (
    DegradationDetected,
    DriftDetected,
    PromotionCompleted,
    RetrainingFinished,
    RetrainingStarted,
    VersionRegistered,
)

QUIET = "as at first"
CHANGED = "after the change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is special about one demo.

    `until_alarm` and `afterwards` are numbers of questions; `training_pause_s` is left between
    questions while a training needs the processor, `retraining_s` the most that may take.
    """

    demo: str
    things: str
    change: str
    until_alarm: int
    afterwards: int
    label_delay: int = 20
    training_pause_s: float = 0.5
    retraining_s: float = 900.0


def first_model(stage: Stage, supply: Supply, seed: int) -> None:
    """Acts 1 and 2: from examples to a version in production."""
    stage.story.act("1  The data")
    stage.story.say(supply.lay_out(stage.folder))
    version = version_data(stage)
    stage.story.act("2  The first model")
    outcome = train(stage, version, seed)
    stage.services.wait_until_ready("serving")
    deploy(stage, outcome)


def quiet_traffic(stage: Stage, line: Line, supply: Supply, script: Script) -> None:
    """Act 3: traffic like the first examples."""
    stage.story.act("3  A quiet shift")
    count = 0
    for count, question in enumerate(supply.quiet(), start=1):
        line.ask(question, QUIET)
        stage.narrator.catch_up()
        stage.story.progress(f"{count} {script.things}")
    line.finish()
    # The loop is a process of its own: it gets the time to look at what was sent.
    time.sleep(3 * stage.space.settings.monitoring.interval_s)
    stage.narrator.catch_up()
    stage.story.progress()
    stage.story.say(
        f"{count} {script.things}, one by one over HTTP: {_right(line.scores, QUIET)}. Labels came "
        "late."
    )
    if not _alarms(stage):
        stage.story.say("No alarm, as there was no reason for one.", Tone.GOOD)


def change(stage: Stage, line: Line, supply: Supply, script: Script) -> bool:
    """Act 4: changed traffic until the monitor notices; whether it did."""
    stage.story.act("4  The world changes")
    stage.story.say(script.change)
    before = _alarms(stage)
    for count, question in enumerate(islice(supply.drifted(), script.until_alarm), start=1):
        line.ask(question, CHANGED)
        stage.services.check()
        stage.narrator.catch_up()
        stage.story.progress(f"{count} {script.things}")
        if _alarms(stage) > before:
            right = _right(line.scores, CHANGED)
            stage.story.say(f"Noticed within {count} changed {script.things}; of those {right}.")
            return True
    stage.story.say(f"{script.until_alarm} changed {script.things}, and no alarm.", Tone.ALARM)
    return False


def answer(stage: Stage, line: Line, supply: Supply, script: Script) -> None:
    """Act 5: traffic goes on while the loop retrains, judges, tries and promotes."""
    stage.story.act("5  The answer")
    deadline = time.monotonic() + script.retraining_s
    questions = supply.drifted()
    for question in questions:
        line.ask(question, CHANGED)
        stage.services.check()
        stage.narrator.catch_up()
        if events_of(stage.narrator.entries, RetrainingFinished):
            break
        if time.monotonic() > deadline:
            stage.story.say(f"No end after {script.retraining_s:.0f} s.", Tone.ALARM)
            return
        _breathe(stage, line, script)
    stage.story.progress()
    version = stage.space.registry.state().production
    for question in islice(questions, script.afterwards):
        line.ask(question, CHANGED)
    right = line.scores.of(CHANGED, version)
    stage.story.say(
        f"Version {version} had {right.mean:.1%} of {right.count} changed {script.things} right."
    )


def summarise(stage: Stage, line: Line, script: Script) -> Summary:
    """What it came to, from the ledger and from what was answered."""
    space, entries = stage.space, stage.narrator.entries
    reached = goals(entries, line.scores, (QUIET, CHANGED))
    state = space.registry.state()
    return Summary(
        demo=script.demo,
        folder=str(stage.folder),
        closed=is_closed(reached),
        seconds=stage.story.seconds,
        goals=reached,
        moments=moments(entries, since(stage.story.began)),
        versions=version_rows(state),
        metric="Accuracy",
        measured=measured_rows(line.scores),
        figures={},
        messages=stage.slack.headlines,
        commands=next_commands(str(stage.folder), line.last_id, len(state.served) > 1),
    )


def _alarms(stage: Stage) -> int:
    entries = stage.narrator.entries
    return len(events_of(entries, DriftDetected)) + len(events_of(entries, DegradationDetected))


def _is_training(stage: Stage) -> bool:
    entries = stage.narrator.entries
    started = events_of(entries, RetrainingStarted)
    return bool(started) and len(events_of(entries, VersionRegistered)) < 2


def _breathe(stage: Stage, line: Line, script: Script) -> None:
    """Pause as long as what goes on now needs no more traffic."""
    entries = stage.narrator.entries
    if len(events_of(entries, PromotionCompleted)) > 1:
        stage.story.progress("the retraining comes to its end")
        time.sleep(1.0)
    elif _is_training(stage):
        asked = f"{line.scores.total(CHANGED)} changed {script.things} so far"
        stage.story.progress(f"training; traffic goes on ({asked})")
        time.sleep(script.training_pause_s)
    else:
        stage.story.progress("traffic goes on")


def _right(scores: Scores, kind: str) -> str:
    return ", ".join(
        f"version {version} had {scores.of(kind, version).mean:.1%} right"
        for version in scores.versions()
        if scores.of(kind, version).count
    )

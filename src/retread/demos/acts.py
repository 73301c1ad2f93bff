"""The acts of a demo with labels to tell apart: data, model, quiet, change."""

from __future__ import annotations

import time
from itertools import islice

from retread.demos.alarms import Turn, false_alarms, true_alarms
from retread.demos.first_model import deploy, train, version_data
from retread.demos.line import Line
from retread.demos.question import Supply
from retread.demos.scores import Scores
from retread.demos.script import CHANGED, QUIET, Script
from retread.demos.stage import Stage
from retread.demos.story import Tone


def first_model(stage: Stage, supply: Supply, seed: int) -> None:
    """Acts 1 and 2: from examples to a version in production."""
    stage.story.act("1  The data")
    stage.story.say(supply.lay_out(stage.folder))
    version = version_data(stage)
    stage.story.act("2  The first model")
    outcome = train(stage, version, seed)
    stage.services.wait_until_ready("serving")
    deploy(stage, outcome)


def quiet_traffic(stage: Stage, line: Line, supply: Supply, script: Script) -> Turn:
    """Act 3: traffic like the first examples; where it ends."""
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
    turn = Turn(
        sequence=stage.narrator.entries[-1].sequence,
        quiet=count,
        version=stage.space.registry.state().production or 0,
    )
    if not false_alarms(stage.narrator.entries, turn):
        stage.story.say("No alarm, as there was no reason for one.", Tone.GOOD)
    return turn


def change(stage: Stage, line: Line, supply: Supply, script: Script, turn: Turn) -> bool:
    """Act 4: changed traffic until the monitor notices; whether it did."""
    stage.story.act("4  The world changes")
    stage.story.say(script.change)
    for count, question in enumerate(islice(supply.drifted(), script.until_alarm), start=1):
        line.ask(question, CHANGED)
        stage.services.check()
        stage.narrator.catch_up()
        stage.story.progress(f"{count} {script.things}")
        if true_alarms(stage.narrator.entries, turn):
            right = _right(line.scores, CHANGED)
            stage.story.say(f"Noticed within {count} changed {script.things}; of those {right}.")
            return True
    stage.story.say(f"{script.until_alarm} changed {script.things}, and no alarm.", Tone.ALARM)
    return False


def _right(scores: Scores, kind: str) -> str:
    return ", ".join(
        f"version {version} had {scores.of(kind, version).mean:.1%} right"
        for version in scores.versions()
        if scores.of(kind, version).count
    )

"""The fifth act: the loop's answer, while traffic goes on."""

from __future__ import annotations

import time
from itertools import islice

from retread.demos.alarms import Turn
from retread.demos.comparison import Comparison, compare
from retread.demos.line import Line
from retread.demos.moments import events_of
from retread.demos.question import Question, Supply
from retread.demos.script import CHANGED, FRESH, Script
from retread.demos.stage import Stage
from retread.demos.story import Tone
from retread.registry.events import (
    PromotionCompleted,
    RetrainingFinished,
    RetrainingStarted,
    VersionRegistered,
)


def answer(
    stage: Stage, line: Line, supply: Supply, script: Script, turn: Turn
) -> Comparison | None:
    """Traffic until the retraining has ended and a little more; old and new version compared.

    From the moment the new version is made, questions are about things that were not asked about
    before: no version can have learned from them.
    """
    stage.story.act("5  The answer")
    deadline = time.monotonic() + script.retraining_s
    learned_from, fresh = supply.drifted(), supply.fresh()
    asked: list[Question] = []
    while not events_of(stage.narrator.entries, RetrainingFinished):
        if time.monotonic() > deadline:
            stage.story.say(f"No end after {script.retraining_s:.0f} s.", Tone.ALARM)
            break
        if _is_made(stage):
            asked.append(next(fresh))
            line.ask(asked[-1], FRESH)
        else:
            line.ask(next(learned_from), CHANGED)
        stage.services.check()
        stage.narrator.catch_up()
        _breathe(stage, line, script)
    stage.story.progress()
    for question in islice(fresh, script.afterwards):
        asked.append(question)
        line.ask(question, FRESH)
    return _compared(stage, asked, script, turn)


def _compared(stage: Stage, asked: list[Question], script: Script, turn: Turn) -> Comparison | None:
    space = stage.space
    compared = compare(space.bundles, space.registry.state(), turn.version, asked)
    if compared is not None:
        stage.story.say(
            f"{compared.questions} changed {script.things} that neither version learned from: "
            f"version {compared.first} has {compared.before:.1%} right, version {compared.then} "
            f"{compared.after:.1%}.",
            Tone.GOOD if compared.after > compared.before else Tone.ALARM,
        )
    return compared


def _is_made(stage: Stage) -> bool:
    return len(events_of(stage.narrator.entries, VersionRegistered)) > 1


def _is_training(stage: Stage) -> bool:
    return bool(events_of(stage.narrator.entries, RetrainingStarted)) and not _is_made(stage)


def _breathe(stage: Stage, line: Line, script: Script) -> None:
    """Pause as long as what goes on now needs no more traffic."""
    if len(events_of(stage.narrator.entries, PromotionCompleted)) > 1:
        stage.story.progress("the retraining comes to its end")
        time.sleep(1.0)
    elif _is_training(stage):
        asked = f"{line.scores.total(CHANGED)} changed {script.things} so far"
        stage.story.progress(f"training; traffic goes on ({asked})")
        time.sleep(script.training_pause_s)
    else:
        stage.story.progress("traffic goes on")

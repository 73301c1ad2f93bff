"""A demo in five acts, from an empty folder to its summary."""

from __future__ import annotations

from pathlib import Path

from retread.demos.acts import change, first_model, quiet_traffic
from retread.demos.answer import answer
from retread.demos.client import Client
from retread.demos.closing import summarise
from retread.demos.explain import explain
from retread.demos.line import Line
from retread.demos.question import Supply
from retread.demos.script import Script
from retread.demos.stage import set_stage
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.template import Values


def play_acts(
    folder: Path, supply: Supply, settings: Values, script: Script, seed: int, story: Story
) -> Summary:
    """Play `script` in a new project of the template of the same name."""
    with set_stage(folder, script.demo, settings, story, ("serving", "loop")) as stage:
        stage.services.start("serving")
        first_model(stage, supply, seed)
        stage.services.start("loop")
        stage.services.wait_until_ready("loop")
        model = stage.space.settings.project.name
        with Client(stage.services.address("serving"), model) as client:
            line = Line(client, seed, script.label_delay)
            turn = quiet_traffic(stage, line, supply, script)
            noticed = change(stage, line, supply, script, turn)
            compared = answer(stage, line, supply, script, turn) if noticed else None
            line.finish()
        stage.narrator.catch_up()
        explain(stage, line.last_id)
        return summarise(stage, line, script, turn, compared)

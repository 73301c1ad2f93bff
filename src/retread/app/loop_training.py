"""The loop's runs, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retread.data import DatasetVersion
from retread.loop.waiting import WaitPoint
from retread.registry.events import TriggerReceived
from retread.training import Overrides, plan_runs, recipe_named, train_scenario
from retread.training.request import TrainingOutcome, TrainingRequest

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


class LoopTraining:
    """The port `Training` of the loop, over a workspace; a stopping loop interrupts a run."""

    def __init__(self, workspace: Workspace, waiting: WaitPoint) -> None:
        self._settings = workspace.settings
        self._compute = workspace.compute
        self._waiting = waiting

    def plan(self, trigger: TriggerReceived, version: DatasetVersion) -> Sequence[TrainingRequest]:
        overrides = Overrides(
            scenario=trigger.scenario or None, model_type=trigger.model_type or None
        )
        return plan_runs(self._settings, overrides, trigger.cause, version, trigger.trigger)

    def train(self, requests: Sequence[TrainingRequest]) -> Sequence[TrainingOutcome]:
        at_once = self._settings.compute.parallel_runs
        return train_scenario(self._compute, requests, at_once, lambda _: self._waiting.check())

    def model_types(self) -> Sequence[str]:
        return recipe_named(self._settings.recipe.kind).model_types()

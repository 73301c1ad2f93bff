"""From settings and options to training requests, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from retread.bundle import Cause
from retread.core import InvalidInput, UnknownOption
from retread.data.version import DatasetVersion
from retread.project import ScenarioRun, Settings
from retread.training.catalog import check_optimizer, recipe_named
from retread.training.recipe import FITTING_OPTIONS, Recipe
from retread.training.request import TrainingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a person or a trigger asks for; None takes the project's setting.

    A `model_type` named outright without a `scenario` is a single run.
    """

    scenario: str | None = None
    model_type: str | None = None
    optimizer_type: str | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    sample: float | None = None
    seed: int | None = None


def plan_runs(
    settings: Settings,
    overrides: Overrides,
    cause: Cause,
    dataset: DatasetVersion,
    key: str,
) -> tuple[TrainingRequest, ...]:
    """The runs of a scenario, or one run; `key` is the identity of them all.

    Raises UnknownOption for a scenario, model type or optimizer that does not exist, InvalidInput
    for a value out of range or a recipe that does not fit the data.
    """
    _check_ranges(overrides)
    recipe = recipe_named(settings.recipe.kind)
    name = _scenario(settings, overrides)
    runs = settings.training.scenarios[name].runs if name else (ScenarioRun(),)
    requests = tuple(
        _request(settings, overrides, run, cause, dataset, f"{key}/{place}" if name else key)
        for place, run in enumerate(runs, start=1)
    )
    for request in requests:
        check_optimizer(request.optimizer_type)
        recipe.check(request, dataset.schema)
    _check_options(recipe, settings.recipe.kind, (overrides, *runs))
    if not name:
        return requests
    return tuple(msgspec.structs.replace(r, parent=key, scenario=name) for r in requests)


def _scenario(settings: Settings, overrides: Overrides) -> str:
    name = overrides.scenario
    if name is None:
        name = "" if overrides.model_type else settings.training.scenario
    if name and name not in settings.training.scenarios:
        raise UnknownOption("scenario", name, settings.training.scenarios)
    return name


def _request(
    settings: Settings,
    overrides: Overrides,
    run: ScenarioRun,
    cause: Cause,
    dataset: DatasetVersion,
    key: str,
) -> TrainingRequest:
    defaults = settings.training

    def chosen(name: str) -> object:
        for source in (overrides, run, defaults):
            value = getattr(source, name, None)
            if value is not None:
                return value
        raise AssertionError(f"[training] has a default for {name}")

    names = ("model_type", "optimizer_type", "epochs", "learning_rate", "batch_size")
    values = {name: chosen(name) for name in (*names, "sample", "seed")}
    return TrainingRequest(
        key=key,
        dataset=dataset.dataset,
        dataset_version=dataset.number,
        cause=cause,
        **values,  # type: ignore[arg-type]  # the sections type each of these names
    )


def _check_options(recipe: Recipe, kind: str, asked: Sequence[Overrides | ScenarioRun]) -> None:
    for name in FITTING_OPTIONS:
        values = [getattr(one, name) for one in asked if getattr(one, name) is not None]
        if values and name not in recipe.options:
            raise InvalidInput(
                f"{name} is {values[0]}, but the recipe {kind} has no such option.",
                f"Leave it out; it has: {', '.join(recipe.options) or 'none'}.",
            )


def _check_ranges(overrides: Overrides) -> None:
    bounds = {
        "epochs": (1, 10_000),
        "batch_size": (1, 65_536),
        "learning_rate": (0.0, 10.0),
        "sample": (0.0, 1.0),
        "seed": (0, 2**32 - 1),
    }
    for name, (low, high) in bounds.items():
        value = getattr(overrides, name)
        if value is None:
            continue
        # Shares and rates are over 0; counts may be their lowest value.
        enough = value > low if isinstance(low, float) else value >= low
        if not (enough and value <= high):
            over = "over" if isinstance(low, float) else "at least"
            raise InvalidInput(
                f"{name} is {value}, but must be {over} {low} and at most {high}.",
                f"Give another value to --{name.replace('_', '-')}.",
            )

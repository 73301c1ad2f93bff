"""Turn settings and overrides into the requests of a scenario, checked before any run starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from retread.bundle import Cause
from retread.core import InvalidInput, Refused, UnknownOption
from retread.data.read_settings import changed_settings
from retread.data.split_plan import obeys
from retread.data.version import DatasetVersion
from retread.project import ScenarioRun, Settings
from retread.training.catalog import check_optimizer, recipe_named
from retread.training.recipe import FITTING_OPTIONS, Recipe
from retread.training.request import TrainingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Options that take precedence over the project's settings; None keeps the setting.

    Attributes:
        scenario: Name of a scenario; "" for a single run.
        model_type: Model type. Without a scenario, it makes a single run.
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
    """Plan the runs of a scenario, or a single run.

    Args:
        cause: Why the runs are made, as recorded with them.
        key: Identity of all the runs together.

    Raises:
        UnknownOption: A scenario, model type or optimizer does not exist.
        InvalidInput: A value is out of range, or the recipe does not fit the data.
        Refused: The data was added with other settings.
    """
    _check_ranges(overrides)
    _check_settings_of_data(settings, dataset)
    recipe = recipe_named(settings.recipe.kind)
    name = _scenario(settings, overrides)
    runs = (ScenarioRun(),) if name is None else settings.training.scenarios[name].runs
    requests = tuple(
        _request(settings, overrides, run, cause, dataset, f"{key}/{index}" if name else key)
        for index, run in enumerate(runs, start=1)
    )
    for request in requests:
        check_optimizer(request.optimizer_type)
        recipe.check(request, dataset.schema)
    _check_options(recipe, settings.recipe.kind, (overrides, *runs))
    if name is None:
        return requests
    return tuple(msgspec.structs.replace(r, parent=key, scenario=name) for r in requests)


def _check_settings_of_data(settings: Settings, dataset: DatasetVersion) -> None:
    changes = changed_settings(dataset.settings, settings.data) if dataset.settings else []
    plan, split = dataset.split_plan, settings.data.split
    if plan is not None and not obeys(plan, split):
        changes.append(f'[data] split is "{split}", but the rows are split by {plan.method}')
    if changes:
        source = "" if settings.data.source else " SOURCE"
        raise Refused(
            f"{dataset.reference} was added with other settings: {'; '.join(changes)}.",
            f"Add it again with: retread data add {dataset.dataset}{source}, or change the "
            "settings back.",
        )


def _scenario(settings: Settings, overrides: Overrides) -> str | None:
    name = overrides.scenario
    if name is None:
        name = "" if overrides.model_type else settings.training.scenario
    if name and name not in settings.training.scenarios:
        raise UnknownOption("scenario", name, settings.training.scenarios)
    return name or None


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


def _check_options(recipe: Recipe, kind: str, sources: Sequence[Overrides | ScenarioRun]) -> None:
    for name in FITTING_OPTIONS:
        values = [getattr(source, name) for source in sources if getattr(source, name) is not None]
        if values and name not in recipe.options:
            raise InvalidInput(
                f"{name} is {values[0]}, but the recipe {kind} has no such option.",
                f"Remove it. Options of this recipe: {', '.join(recipe.options) or 'none'}.",
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
        # Fractions and rates exclude their lower bound, counts include it.
        exclusive = isinstance(low, float)
        enough = value > low if exclusive else value >= low
        if not (enough and value <= high):
            bound = "greater than" if exclusive else "at least"
            raise InvalidInput(
                f"{name} is {value}, but must be {bound} {low} and at most {high}.",
                f"Use another value for {name}.",
            )

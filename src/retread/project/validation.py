"""Checks of settings that have the right types but do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from retread.core import METRICS, Metric, UnknownOption, is_import_string, metric_named
from retread.project.settings import TIME_UNITS, ColumnType, Settings, TrainingSection

Key = tuple[str, ...]
"""Path of a setting, such as ("gate", "metric")."""

_RECIPE: Key = ("recipe", "kind")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class PluginNames:
    """Names that settings may refer to and that only higher layers know.

    Classes and functions of the user are not among them: they are written as import strings.

    Attributes:
        model_types: Names of model types by recipe.
        detectors: Names of drift detectors.
        regressions: Names of the recipes that predict a number.
        checks: Names of the checks of dataset versions.
    """

    model_types: Mapping[str, tuple[str, ...]]
    detectors: tuple[str, ...]
    regressions: frozenset[str]
    checks: tuple[str, ...]

    @property
    def recipes(self) -> tuple[str, ...]:
        """Names of recipes."""
        return tuple(self.model_types)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A mistake that several settings make together.

    Attributes:
        keys: The settings that were compared. If one of them is wrong in itself, the contradiction
            is not reported, as it may only follow from that.
        text: The mistake, starting with the setting to change.
    """

    keys: tuple[Key, ...]
    text: str


def contradictions(settings: Settings, names: PluginNames | None) -> Iterator[Contradiction]:
    """Yield every contradiction in `settings`; without `names`, names are not checked."""
    yield from _metric(settings)
    yield from _extra_plugins(settings)
    yield from _scenario(settings)
    yield from _steps(settings)
    yield from _splits(settings)
    yield from _units(settings)
    yield from _host(settings)
    yield from _ports(settings)
    yield from _kinds(settings)
    yield from _schedule(settings)
    if names is not None:
        yield from _recipe(settings, names)
        yield from _metric_of_recipe(settings, names)
        yield from _checks(settings, names)
        yield from _model_types(settings, names)
        yield from _detectors(settings, names)


def _metric(settings: Settings) -> Iterator[Contradiction]:
    try:
        metric_named(settings.gate.metric)
    except UnknownOption:
        allowed = ", ".join(metric.name for metric in METRICS)
        text = f"gate.metric: should be one of {allowed}, but it is {settings.gate.metric!r}"
        yield Contradiction((("gate", "metric"),), text)


def _metric_of_recipe(settings: Settings, names: PluginNames) -> Iterator[Contradiction]:
    kind, name = settings.recipe.kind, settings.gate.metric
    if kind not in names.model_types or "metric" not in settings.gate.model_fields_set:
        return
    is_regression = kind in names.regressions
    allowed = [metric.name for metric in METRICS if metric.regression in (is_regression, None)]
    named = [metric for metric in METRICS if name.lower() in _spellings(metric)]
    if named and named[0].name not in allowed:
        text = (
            f"gate.metric: {kind} has no {named[0].name}; it should be one of {', '.join(allowed)}"
        )
        yield Contradiction((("gate", "metric"), _RECIPE), text)


def _spellings(metric: Metric) -> set[str]:
    return {spelling.lower() for spelling in (metric.name, *metric.aliases)}


def _checks(settings: Settings, names: PluginNames) -> Iterator[Contradiction]:
    for name in settings.data.checks:
        if name not in names.checks:
            yield _unknown("check", name, names.checks, ("data", "checks", name))


def _extra_plugins(settings: Settings) -> Iterator[Contradiction]:
    named = (
        ("data source", "package.module:Class", ("data", "extra_sources")),
        ("gate check", "package.module:function", ("gate", "extra_checks")),
        ("notifier", "package.module:Class", ("notify", "extra_notifiers")),
    )
    for kind, form, (section, key) in named:
        for name in getattr(getattr(settings, section), key):
            if not is_import_string(name):
                yield _unknown(kind, name, (form,), (section, key))


def _scenario(settings: Settings) -> Iterator[Contradiction]:
    scenario, scenarios = settings.training.scenario, settings.training.scenarios
    if scenario and scenario not in scenarios:
        keys = (("training", "scenario"), ("training", "scenarios"))
        yield _unknown("scenario", scenario, tuple(scenarios) or ("none",), *keys)


def _steps(settings: Settings) -> Iterator[Contradiction]:
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= 1:
        text = (
            "canary.steps: should be increasing shares above 0 and at most 1, "
            f"but it is {list(steps)}"
        )
        yield Contradiction((("canary", "steps"),), text)


def _splits(settings: Settings) -> Iterator[Contradiction]:
    if settings.data.validation_share + settings.data.evaluation_share >= 0.9:
        text = "data: validation_share and evaluation_share leave too little for training"
        keys = (("data", "validation_share"), ("data", "evaluation_share"))
        yield Contradiction(keys, text)
    if settings.data.split == "time" and not settings.data.timestamp:
        text = "data.split: time needs data.timestamp, the column with the time of each row"
        yield Contradiction((("data", "split"), ("data", "timestamp")), text)


def _units(settings: Settings) -> Iterator[Contradiction]:
    for name, column in settings.data.columns.items():
        is_time = column.type is ColumnType.TIME or name == settings.data.timestamp
        allowed = f"one of {', '.join(TIME_UNITS)} for times" if is_time else "left out"
        is_number = column.type in (None, ColumnType.NUMBER)
        if column.unit and not (column.unit in TIME_UNITS if is_time else is_number):
            text = f"data.columns.{name}.unit: should be {allowed}, but it is {column.unit!r}"
            yield Contradiction((("data", "columns", name), ("data", "timestamp")), text)


def _host(settings: Settings) -> Iterator[Contradiction]:
    host = settings.serving.host
    if settings.auth.require_loopback and host not in _LOOPBACK:
        text = (
            f"serving.host: should be 127.0.0.1, localhost or ::1, but it is {host!r}: "
            "there is no access control yet"
        )
        yield Contradiction((("serving", "host"),), text)


def _ports(settings: Settings) -> Iterator[Contradiction]:
    ports = {
        ("project", "tracking_port"): settings.project.tracking_port,
        ("serving", "port"): settings.serving.port,
        ("project", "control_port"): settings.project.control_port,
    }
    for port in sorted({p for p in ports.values() if p}):
        keys = tuple(key for key, value in ports.items() if value == port)
        if len(keys) > 1:
            paths = " and ".join(map(".".join, keys))
            yield Contradiction(keys, f"{paths}: should differ, but are both {port}")


def _kinds(settings: Settings) -> Iterator[Contradiction]:
    known = type(settings.triggers)().kinds
    for kind in settings.triggers.kinds:
        if kind not in known:
            yield _unknown("kind", kind, known, ("triggers", "kinds"))


def _schedule(settings: Settings) -> Iterator[Contradiction]:
    schedule = settings.triggers.schedule
    if not schedule:
        return
    # Imported only if it is used, because the import is slow.
    from croniter import croniter

    if not croniter.is_valid(schedule):
        text = (
            "triggers.schedule: should be a cron expression such as '0 3 * * 1', "
            f"but it is {schedule!r}"
        )
        yield Contradiction((("triggers", "schedule"),), text)


def _recipe(settings: Settings, names: PluginNames) -> Iterator[Contradiction]:
    kind = settings.recipe.kind
    if kind not in names.recipes and not is_import_string(kind):
        yield _unknown("recipe", kind, (*names.recipes, "package.module:Class"), _RECIPE)


def _model_types(settings: Settings, names: PluginNames) -> Iterator[Contradiction]:
    if is_import_string(settings.recipe.kind):
        return
    every = tuple(sorted({name for known in names.model_types.values() for name in known}))
    known = names.model_types.get(settings.recipe.kind, every)
    for key, model_type in _chosen_model_types(settings.training):
        if model_type not in known and not is_import_string(model_type):
            allowed = (*known, "package.module:function")
            # What no recipe has is a mistake whatever the recipe is.
            of_recipe = (_RECIPE,) if model_type in every else ()
            yield _unknown("model type", model_type, allowed, key, *of_recipe)


def _chosen_model_types(training: TrainingSection) -> Iterator[tuple[Key, str]]:
    # A default that does not fit the recipe is not a mistake unless something is trained with it.
    if "model_type" in training.model_fields_set:
        yield ("training", "model_type"), training.model_type
    for name, scenario in training.scenarios.items():
        for index, run in enumerate(scenario.runs):
            if run.model_type is not None:
                key = ("training", "scenarios", name, "runs", str(index), "model_type")
                yield key, run.model_type


def _detectors(settings: Settings, names: PluginNames) -> Iterator[Contradiction]:
    for name in settings.monitoring.detectors:
        if name not in names.detectors and not is_import_string(name):
            allowed = (*names.detectors, "package.module:Class")
            yield _unknown("detector", name, allowed, ("monitoring", "detectors"))


def _unknown(kind: str, name: str, known: Sequence[str], *keys: Key) -> Contradiction:
    """A name in the first of `keys` that is not one of the known ones."""
    path = ".".join(keys[0])
    text = f"{path}: there is no {kind} {name!r}. Known: {', '.join(known)}."
    return Contradiction(keys, text)

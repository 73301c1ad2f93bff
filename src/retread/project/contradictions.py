"""What is wrong with settings that are each of the right type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retread.core import METRICS, UnknownOption, is_import_string, metric_named
from retread.project.known_names import PluginNames
from retread.project.settings import Settings, TrainingSection

Key = tuple[str, ...]

_RECIPE: Key = ("recipe", "kind")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A mistake that shows only when `keys` are seen together with the rest."""

    keys: tuple[Key, ...]
    text: str


def contradictions(settings: Settings, known: PluginNames | None) -> Iterator[Contradiction]:
    """Every contradiction in `settings`; names of other packages are judged if they are `known`."""
    yield from _metric(settings)
    yield from _scenario(settings)
    yield from _steps(settings)
    yield from _splits(settings)
    yield from _host(settings)
    yield from _ports(settings)
    yield from _kinds(settings)
    yield from _schedule(settings)
    if known is not None:
        yield from _recipe(settings, known)
        yield from _model_types(settings, known)
        yield from _detectors(settings, known)


def _metric(settings: Settings) -> Iterator[Contradiction]:
    try:
        metric_named(settings.gate.metric)
    except UnknownOption:
        allowed = ", ".join(metric.name for metric in METRICS)
        text = f"gate.metric: should be one of {allowed}, but it is {settings.gate.metric!r}"
        yield Contradiction((("gate", "metric"),), text)


def _scenario(settings: Settings) -> Iterator[Contradiction]:
    scenario, scenarios = settings.training.scenario, settings.training.scenarios
    if scenario and scenario not in scenarios:
        known = ", ".join(scenarios) or "none"
        text = f"training.scenario: there is no scenario {scenario!r}. Known: {known}."
        keys = (("training", "scenario"), ("training", "scenarios"))
        yield Contradiction(keys, text)


def _steps(settings: Settings) -> Iterator[Contradiction]:
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] <= 1:
        text = f"canary.steps: should grow, each over 0 and at most 1, but it is {list(steps)}"
        yield Contradiction((("canary", "steps"),), text)


def _splits(settings: Settings) -> Iterator[Contradiction]:
    if settings.data.validation_share + settings.data.evaluation_share >= 0.9:
        text = "data: validation_share and evaluation_share leave nothing to train on"
        keys = (("data", "validation_share"), ("data", "evaluation_share"))
        yield Contradiction(keys, text)


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
            names = " and ".join(map(".".join, keys))
            yield Contradiction(keys, f"{names}: should differ, but are both {port}")


def _kinds(settings: Settings) -> Iterator[Contradiction]:
    known = type(settings.triggers)().kinds
    for kind in settings.triggers.kinds:
        if kind not in known:
            text = f"triggers.kinds: there is no kind {kind!r}. Known: {', '.join(known)}."
            yield Contradiction((("triggers", "kinds"),), text)


def _schedule(settings: Settings) -> Iterator[Contradiction]:
    schedule = settings.triggers.schedule
    if not schedule:
        return
    # Only where it is used: it is slow to load.
    from croniter import croniter

    if not croniter.is_valid(schedule):
        text = (
            "triggers.schedule: should be a cron expression such as '0 3 * * 1', "
            f"but it is {schedule!r}"
        )
        yield Contradiction((("triggers", "schedule"),), text)


def _recipe(settings: Settings, known: PluginNames) -> Iterator[Contradiction]:
    kind = settings.recipe.kind
    if kind not in known.recipes and not is_import_string(kind):
        yield _unknown(_RECIPE, "recipe", kind, (*known.recipes, "package.module:Class"))


def _model_types(settings: Settings, known: PluginNames) -> Iterator[Contradiction]:
    names = known.model_types.get(settings.recipe.kind)
    if names is None:
        return
    for key, model_type in _chosen_model_types(settings.training):
        if model_type not in names and not is_import_string(model_type):
            allowed = (*names, "package.module:function")
            yield _unknown(key, "model type", model_type, allowed, _RECIPE)


def _chosen_model_types(training: TrainingSection) -> Iterator[tuple[Key, str]]:
    # A default that does not fit the recipe is no mistake as long as nothing is trained with it.
    if "model_type" in training.model_fields_set:
        yield ("training", "model_type"), training.model_type
    for name, scenario in training.scenarios.items():
        for place, run in enumerate(scenario.runs):
            if run.model_type is not None:
                key = ("training", "scenarios", name, "runs", str(place), "model_type")
                yield key, run.model_type


def _detectors(settings: Settings, known: PluginNames) -> Iterator[Contradiction]:
    for name in settings.monitoring.detectors:
        if name not in known.detectors and not is_import_string(name):
            allowed = (*known.detectors, "package.module:Class")
            yield _unknown(("monitoring", "detectors"), "detector", name, allowed)


def _unknown(key: Key, what: str, name: str, allowed: Sequence[str], *others: Key) -> Contradiction:
    text = f"{'.'.join(key)}: there is no {what} {name!r}. Known: {', '.join(allowed)}."
    return Contradiction((key, *others), text)

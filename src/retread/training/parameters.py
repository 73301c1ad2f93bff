"""What is recorded about a run, in MLflow and in the bundle alike."""

from __future__ import annotations

import inspect
from pathlib import Path

from retread.bundle import Parameter
from retread.core import (
    InvalidInput,
    digest_bytes,
    import_from_string,
    is_import_string,
    load_plugins,
    plugin_names,
    short,
)
from retread.data.version import DatasetVersion
from retread.project import Settings
from retread.training import model_types
from retread.training.catalog import recipe_named
from retread.training.recipe import FITTING_OPTIONS
from retread.training.request import TrainingRequest


def run_parameters(
    request: TrainingRequest, settings: Settings, version: DatasetVersion
) -> dict[str, Parameter]:
    """Every parameter that shaped the run, by name."""
    unused = set(FITTING_OPTIONS) - set(recipe_named(settings.recipe.kind).options)
    parameters = _all_parameters(request, settings, version)
    return {name: value for name, value in parameters.items() if name not in unused}


def _all_parameters(
    request: TrainingRequest, settings: Settings, version: DatasetVersion
) -> dict[str, Parameter]:
    return {
        "model_name": settings.project.name,
        "recipe": settings.recipe.kind,
        "model_type": request.model_type,
        "model_version": model_version(request.model_type),
        "dataset": version.dataset,
        "dataset_version": version.number,
        "dataset_digest": version.digest,
        "epochs": request.epochs,
        "learning_rate": request.learning_rate,
        "batch_size": request.batch_size,
        "optimizer_type": request.optimizer_type,
        "early_stopping_rule": settings.early_stopping.rule,
        "early_stopping_patience": settings.early_stopping.patience,
        "early_stopping_delta": settings.early_stopping.delta,
        "early_stopping_min_loss": settings.early_stopping.min_loss,
        "early_stopping_min_accuracy": settings.early_stopping.min_accuracy,
        "sample": request.sample,
        "seed": request.seed,
        "pretrained": settings.training.pretrained,
        "image_size": settings.recipe.image_size,
        "positive_label": settings.recipe.positive_label,
        "window_days": settings.data.window_days,
    }


def model_version(model_type: str) -> str:
    """The version of a model type is the digest of the file that defines it.

    >>> len(model_version("cnn"))
    12
    """
    path = _source(model_type)
    return short(digest_bytes(path.read_bytes())) if path and path.is_file() else ""


def _source(model_type: str) -> Path | None:
    if is_import_string(model_type):
        try:
            found = inspect.getsourcefile(import_from_string("model type", model_type))
        except TypeError as error:
            raise InvalidInput(
                f"The model type {model_type!r} is neither a function nor a class.",
                "Name one that is written in Python.",
            ) from error
        return Path(found) if found else None
    for family in load_plugins(model_types).values():
        if model_type in plugin_names(family):
            folders = [Path(folder) / f"{model_type}.py" for folder in family.__path__]
            return next((path for path in folders if path.is_file()), None)
    return None

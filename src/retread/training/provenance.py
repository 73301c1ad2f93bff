"""Provenance of a run: its parameters, and the code and environment that it ran in."""

from __future__ import annotations

import inspect
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from retread.bundle import Parameter
from retread.core import (
    digest_bytes,
    import_from_string,
    invalid_plugin,
    is_import_string,
    load_plugins,
    plugin_names,
    short,
)
from retread.data.version import ColumnKind, DatasetVersion
from retread.project import Settings
from retread.training import model_types
from retread.training.catalog import recipe_named
from retread.training.recipe import FITTING_OPTIONS
from retread.training.request import TrainingRequest

_INTERFACES = "retread.training.TabularModelType or retread.training.VisionModelType"

_NAME_OR_VERSION = re.compile(r"^(Name|Version):(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """The git commit of a project.

    Attributes:
        id: Hash of the commit; None outside a git repository.
        dirty: Whether files differ from the commit.
    """

    id: str | None = None
    dirty: bool = False


def commit_of(root: Path, home: Path) -> Commit:
    """Return the commit of the project folder; changes in `home`, Retread's state, are ignored."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return Commit()
    paths = ["."]
    if home.is_relative_to(root) and home != root:
        paths.append(f":(exclude){home.relative_to(root)}")
    changed = _git(root, "status", "--porcelain", "--", *paths)
    return Commit(head.strip(), bool(changed and changed.strip()))


def environment_lock() -> bytes:
    """List Python and all installed distributions, one `name==version` per line."""
    found = (_name_and_version(distribution) for distribution in metadata.distributions())
    names = {f"{_normal(name)}=={version}" for name, version in found if name}
    lines = [f"# Python {platform.python_version()}, {platform.machine()}", *sorted(names)]
    return ("\n".join(lines) + "\n").encode()


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    """Read the two from the headers alone: to parse all of the metadata takes seconds in all."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    fields = dict(_NAME_OR_VERSION.findall(text.partition("\n\n")[0]))
    if len(fields) < 2:
        return distribution.name, distribution.version
    return fields["Name"].strip(), fields["Version"].strip()


def run_parameters(
    request: TrainingRequest, settings: Settings, version: DatasetVersion
) -> dict[str, Parameter]:
    """Return the parameters that shaped a run, as recorded in MLflow and in the bundle.

    Options that do not count for the model type are omitted.
    """
    recipe = recipe_named(settings.recipe.kind)
    used = recipe.used_options(request)
    unused = set(FITTING_OPTIONS) - set(used)
    if "epochs" not in used:
        unused |= {f"early_stopping_{name}" for name in ("rule", "patience", "delta")}
    is_image = any(column.kind is ColumnKind.IMAGE for column in version.schema.columns)
    unused |= {"max_categories"} if is_image else {"image_size", "pretrained"}
    if not version.schema.labels:
        unused |= {"positive_label", "early_stopping_min_accuracy"}
    parameters = _all_parameters(request, settings, version)
    return {name: value for name, value in parameters.items() if name not in unused}


def model_version(model_type: str) -> str:
    """Return the version of a model type: the short digest of the file that defines it.

    It is "" where there is no such file.

    >>> len(model_version("cnn"))
    12

    Raises:
        InvalidInput: The model type is neither a function nor a class.
    """
    path = _source(model_type)
    return short(digest_bytes(path.read_bytes())) if path and path.is_file() else ""


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
        "early_stopping_rule": settings.early_stopping.rule.value,
        "early_stopping_patience": settings.early_stopping.patience,
        "early_stopping_delta": settings.early_stopping.delta,
        "early_stopping_min_loss": settings.early_stopping.min_loss,
        "early_stopping_min_accuracy": settings.early_stopping.min_accuracy,
        "sample": request.sample,
        "seed": request.seed,
        "pretrained": settings.training.pretrained,
        "max_categories": settings.training.max_categories,
        "image_size": settings.recipe.image_size,
        "image_depth": settings.data.image_depth,
        "image_background": settings.data.image_background,
        **{f"augmentation_{name}": v for name, v in settings.training.augmentation},
        "positive_label": settings.recipe.positive_label or version.positive_label or "",
        "refit": settings.training.refit,
        "window_days": settings.data.window_days,
    }


def _source(model_type: str) -> Path | None:
    if is_import_string(model_type):
        own = import_from_string("model type", model_type, _INTERFACES)
        try:
            found = inspect.getsourcefile(own)
        except TypeError as error:
            problem = "it is neither a function nor a class that is written in Python"
            raise invalid_plugin("model type", model_type, _INTERFACES, problem) from error
        return Path(found) if found else None
    for family in load_plugins(model_types).values():
        if model_type in plugin_names(family):
            folders = [Path(folder) / f"{model_type}.py" for folder in family.__path__]
            return next((path for path in folders if path.is_file()), None)
    return None


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

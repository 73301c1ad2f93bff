"""Write a project for a source that a user has: settings, each with a comment that says why."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from retread.app.projects import write_project
from retread.core import InvalidInput
from retread.core.listed import listed
from retread.data import SourceRequest, read_source
from retread.data.first_look import FirstLook, look_at_table
from retread.project import Settings, parse_settings
from retread.project.templates import template_files
from retread.project.toml_text import as_key, as_value

_SEPARATORS = re.compile(r"[^a-z0-9_-]+")
_BALANCED = 0.7
"""Share of the most frequent class up to which Accuracy tells a good model from a constant one."""

_README = """# {name}

`retread.toml` was written by looking at the data; each choice has its reason beside it.

```sh
retread data add {dataset}   # the first dataset version: validated and split
retread train
retread gate 1               # the verdict, check by check
retread stage 1
retread promote 1
retread up --detach          # serving :5001, status page :5002, MLflow :5000, and the loop
```
"""

Lines = list[str]


_TREES = ["# Trees need no scaling and train fast.", 'model_type = "gradient_boosting"']


def project_from_source(folder: Path, source: Path, target: str = "") -> tuple[str, ...]:
    """Create a project for a table or a folder of images, and check that it can be read.

    Args:
        folder: A new or empty folder.
        source: The file or folder. It stays where it is.
        target: Column to predict. Default: guessed, with the reason in the settings.

    Returns:
        The paths of the project's files, relative to the folder.

    Raises:
        NotFound: There is no such source; nothing is written.
        InvalidInput: The source cannot be read as data; nothing is written.
        Conflict: The folder is not empty; nothing is written.
    """
    path = os.path.relpath(source.resolve(), folder.resolve())
    if source.is_dir():
        if target:
            raise InvalidInput(
                f"{source} is a folder, so --target {target} has no column to name.",
                "The labels are the names of the folders of images.",
            )
        text = _image_settings(folder, source, path)
    else:
        text = _table_settings(folder, source, path, look_at_table(source, target))
        _check_table(text, source)
    files = {
        **template_files("blank"),
        "retread.toml": text.encode(),
        "README.md": _README.format(
            name=_slug(folder.resolve().name), dataset=_slug(source.stem)
        ).encode(),
    }
    return write_project(folder, files)


def _check_table(text: str, source: Path) -> None:
    """Read the source as `data add` will, so that its mistakes are told before anything is made."""
    settings: Settings = parse_settings(tomllib.loads(text), source="the settings for the source")
    read_source(
        SourceRequest(
            source=source,
            labels=settings.data.labels,
            settings=settings.data,
            regression=settings.recipe.kind == "tabular-regression",
        )
    )


def _table_settings(folder: Path, source: Path, path: str, look: FirstLook) -> str:
    data = _data(source, path)
    data += [f"# What is predicted: {look.target.reason}.", _key("labels", look.target.column)]
    if look.time:
        data += [f"# When each row was: {look.time.reason}.", _key("timestamp", look.time.column)]
    if look.saved_indexes:
        data.append(f"# Never read, as indexes of data frames: {', '.join(look.saved_indexes)}.")
    if look.excluded:
        data += [f"# {one.column}: {one.reason}." for one in look.excluded]
        data.append(_key("exclude", [one.column for one in look.excluded]))
    task = _classification(look) if look.classes else _regression(look)
    head = [f"# Written by looking at {look.rows:,} rows of {source.name}. Change what is wrong."]
    sections = {
        "project": [_key("name", _slug(folder.resolve().name))],
        "data": data,
        **({"data.columns": _units(look)} if look.units else {}),
        **task,
    }
    return _toml(head, sections)


def _units(look: FirstLook) -> Lines:
    return [
        "# Numbers are read without these, in data and in requests.",
        *(f"{as_key(name)} = {as_value({'unit': unit})}" for name, unit in look.units.items()),
    ]


def _classification(look: FirstLook) -> Mapping[str, Lines]:
    counts = look.classes
    largest = max(counts.values()) / sum(counts.values())
    entropy = -sum(n / look.rows * math.log(n / look.rows) for n in counts.values())
    shown = listed((f"{name} {count}" for name, count in counts.items()), most=5)
    recipe = [f"# {len(counts)} classes: {shown}.", _key("kind", "tabular-classification")]
    rarest = min(counts, key=lambda name: (counts[name], name))
    if len(counts) == 2:
        recipe += ["# The rarer class is the one to find.", _key("positive_label", rarest)]
    by_accuracy = largest <= _BALANCED or len(counts) > 2
    if by_accuracy:
        gate = [
            f"# Always answering {next(iter(counts))!r} reaches {largest:.2f}.",
            _key("metric", "Accuracy"),
            _key("threshold", round(min(0.99, largest + 0.02), 2)),
        ]
    else:
        gate = [
            f"# Always answering {next(iter(counts))!r} is right in {largest:.0%} of the rows, so "
            "Accuracy says little.",
            _key("metric", "F1"),
            "# A first bar: F1 of a constant answer is 0.",
            _key("threshold", 0.3),
        ]
    return {
        "recipe": recipe,
        "training": [
            "# Trees need no scaling and train fast.",
            _key("model_type", "gradient_boosting"),
        ],
        "early_stopping": [
            "# A model that is no better than these, a constant answer's, is not kept.",
            _key("min_loss", round(entropy, 3)),
            _key("min_accuracy", round(largest, 3) if by_accuracy else 0.0),
        ],
        "gate": gate,
    }


def _regression(look: FirstLook) -> Mapping[str, Lines]:
    bound = float(f"{look.constant_error:.3g}")
    return {
        "recipe": [
            f"# {look.target.column} is a number with many values.",
            _key("kind", "tabular-regression"),
        ],
        "training": [
            "# Trees need no scaling and train fast.",
            _key("model_type", "gradient_boosting"),
        ],
        "early_stopping": [
            "# For regression this limits 1 - R2; a constant answer has 1.",
            _key("min_loss", 0.95),
        ],
        "gate": [
            f"# Always answering the median has a mean absolute error of {bound:g}.",
            _key("metric", "MAE"),
            _key("threshold", bound),
        ],
    }


def _image_settings(folder: Path, source: Path, path: str) -> str:
    labels = sorted(f.name for f in source.iterdir() if f.is_dir() and not f.name.startswith("."))
    data = [
        *_data(source, path),
        f"# One folder per class: {', '.join(labels) or 'there is none yet'}.",
        _key("labels", "folder"),
    ]
    sections = {
        "project": [_key("name", _slug(folder.resolve().name))],
        "data": data,
        "recipe": ["# A folder is taken for images.", _key("kind", "image-classification")],
        "training": ["# Small, and trains without a GPU.", _key("model_type", "cnn")],
        "gate": [
            "# A first bar; raise it once you know what your data allows.",
            _key("metric", "Accuracy"),
            _key("threshold", 0.6),
        ],
    }
    return _toml([f"# Written by looking at {source.name}. Change what is wrong."], sections)


def _data(source: Path, path: str) -> Lines:
    return [
        _key("dataset", _slug(source.stem)),
        "# Relative to this file.",
        _key("source", path),
    ]


def _toml(head: Lines, sections: Mapping[str, Lines]) -> str:
    blocks = ["\n".join([*map(_one_line, head), "# All settings: retread settings docs"])]
    blocks += ["\n".join([f"[{name}]", *map(_one_line, lines)]) for name, lines in sections.items()]
    return "\n\n".join(blocks) + "\n"


def _one_line(line: str) -> str:
    """Keep a comment on its line: the name of a column or a file may hold anything."""
    if not line.startswith("#"):
        return line
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _key(name: str, value: object) -> str:
    return f"{name} = {as_value(value)}"


def _slug(name: str) -> str:
    """Turn a name into one that may stand in an address."""
    return _SEPARATORS.sub("-", name.lower()).strip("-_")[:63] or "model"

"""A real project in git, with a classification of three measurements into two labels."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from retread.app import Workspace
from retread.cli.main import run
from retread.data import DatasetVersion, Split
from retread.data.store import LABEL, SPLIT
from retread.project import open_project

Typed = Callable[..., tuple[int, str, str]]
Row = tuple[tuple[float, float, float], str]

COLUMNS = ("pressure", "depth", "noise")
LABELS = ("good", "worn")
ROWS = 1_500
SETTINGS = """
[project]
name = "treads"
tracking_port = 0
control_port = 0
[data]
dataset = "treads"
source = "treads.csv"
labels = "state"
[recipe]
kind = "tabular-classification"
[training]
model_type = "random_forest"
[gate]
threshold = 0.8
[serving]
port = 0
[canary]
steps = [0.5, 1.0]
[monitoring]
interval_s = 0.5
[triggers]
kinds = ["manual"]
"""


def measurements(seed: int) -> Iterator[Row]:
    """Yield rows without end; the label of about nine in ten is right."""
    random = np.random.default_rng(seed)
    while True:
        pressure, depth, noise, error = (float(value) for value in random.normal(size=4).round(4))
        worn = pressure + 0.5 * depth + 0.2 * error > 0
        yield (pressure, depth, noise), LABELS[worn]


def make_project(root: Path) -> Workspace:
    """Create and commit the project, with its data as treads@1."""
    root.mkdir()
    (root / "retread.toml").write_text(SETTINGS)
    (root / ".gitignore").write_text(".retread/\n")
    rows = measurements(seed=0)
    write_rows(root / "treads.csv", [next(rows) for _ in range(ROWS)])
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "First data")
    assert run(["data", "add", "treads", "--project", str(root)]) == 0
    return workspace_of(root)


def workspace_of(root: Path) -> Workspace:
    return Workspace(open_project(root, {}))


def git(root: Path, *words: str) -> str:
    author = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
    done = subprocess.run(
        ["git", "-C", str(root), *author, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def flipped_outside_evaluation(workspace: Workspace, version: DatasetVersion) -> list[Row]:
    """Return the rows of a version with flipped labels, except those of the evaluation split."""
    table = workspace.datasets.read(version)
    columns = [table[name].to_pylist() for name in (*COLUMNS, LABEL, SPLIT)]
    other = dict(zip(LABELS, reversed(LABELS), strict=True))
    return [
        ((pressure, depth, noise), label if split == Split.EVALUATION else other[label])
        for pressure, depth, noise, label, split in zip(*columns, strict=True)
    ]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "state"])
        writer.writerows([*features, label] for features, label in rows)

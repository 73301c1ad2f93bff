"""A project: a folder with retread.toml, and the home that holds its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retread.core import InvalidInput, NotFound
from retread.project.load import load_settings
from retread.project.settings import Settings

SETTINGS_FILE = "retread.toml"


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project is, where its state is, and its settings."""

    root: Path
    home: Path
    settings: Settings

    @property
    def datasets(self) -> Path:
        return self._place(self.settings.storage.datasets, "datasets")

    @property
    def bundles(self) -> Path:
        return self._place(self.settings.storage.bundles, "bundles")

    @property
    def traffic(self) -> Path:
        """Recorded answers and payloads."""
        return self.home / "traffic"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def database_url(self) -> str:
        return self.settings.database.url or f"sqlite:///{self.home / 'retread.db'}"

    @property
    def tracking_url(self) -> str:
        """MLflow's store; the server on tracking_port shows the same one."""
        return f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def workflows_url(self) -> str:
        """The store of the durable workflows."""
        return f"sqlite:///{self.home / 'workflows.db'}"

    def _place(self, setting: str, default: str) -> Path:
        return (self.root / setting) if setting else self.home / default


def open_project(start: Path, environment: Mapping[str, str]) -> Project:
    """The project at `start` or the nearest one above it; NotFound, InvalidSettings."""
    root = _find(start.resolve())
    settings = load_settings(root / SETTINGS_FILE, environment)
    home = Path(environment.get("RETREAD_HOME") or ".retread")
    project = Project(root=root, home=(root / home).resolve(), settings=settings)
    for folder in (project.home, project.logs):
        _make(folder)
    return project


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder {folder} for the project's state cannot be made: {error.strerror}.",
            "Move away what is in its place, or set RETREAD_HOME to another folder.",
        ) from error


def _find(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise NotFound(
        f"There is no {SETTINGS_FILE} in {start} or above it.",
        "Make a project with: retread init PATH --template tires",
    )

"""A project: a folder with retread.toml, and the home that holds its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retread.core import NotFound, StorageFailed
from retread.project.known_names import PluginNames
from retread.project.load import load_settings
from retread.project.settings import Settings

SETTINGS_FILE = "retread.toml"


@dataclass(frozen=True, slots=True)
class LoadedProject:
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
        """SQLAlchemy's address; a relative path in it starts at the project's folder."""
        url = self.settings.database.url
        driver, _, path = url.partition(":///")
        if driver.startswith("sqlite") and path and not path.startswith(("/", ":", "file:")):
            return f"{driver}:///{_in_address(self.root)}/{path}"
        return url or _address_of(self.home / "retread.db")

    @property
    def tracking_url(self) -> str:
        """MLflow's store; the server on tracking_port shows the same one."""
        return _address_of(self.home / "mlflow.db")

    @property
    def workflows_url(self) -> str:
        """The store of the durable workflows."""
        return _address_of(self.home / "workflows.db")

    def _place(self, setting: str, default: str) -> Path:
        return (self.root / setting) if setting else self.home / default


def open_project(
    start: Path, environment: Mapping[str, str], known: PluginNames | None = None
) -> LoadedProject:
    """The project at `start` or the nearest one above it; NotFound, InvalidSettings.

    Names of recipes, model types and detectors are judged where they are `known`.
    """
    root = _find(start.resolve())
    settings = load_settings(root / SETTINGS_FILE, environment, known)
    project = LoadedProject(root=root, home=_home(root, environment), settings=settings)
    for folder in (project.home, project.logs):
        _make(folder)
    return project


def find_home(start: Path, environment: Mapping[str, str]) -> Path:
    """The home of the project at or above `start`, whatever its settings say; NotFound."""
    return _home(_find(start.resolve()), environment)


def _home(root: Path, environment: Mapping[str, str]) -> Path:
    return (root / (environment.get("RETREAD_HOME") or ".retread")).resolve()


def _address_of(file: Path) -> str:
    return f"sqlite:///{_in_address(file)}"


def _in_address(path: Path) -> str:
    """A path as it stands in an address, where `?` would end it and `%` begins an escape."""
    return str(path).replace("%", "%25").replace("?", "%3F")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"Cannot create the folder {folder} for the project's state: {error.strerror}.",
            "Check its permissions and what is in its place, or set RETREAD_HOME to another folder.",
        ) from error


def _find(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise NotFound(
        f"There is no {SETTINGS_FILE} in {start} or above it.",
        "Make a project with: retread init PATH --template tires",
    )

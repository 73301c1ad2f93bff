"""A project: a folder with retread.toml, and a home folder that holds its state."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retread.core import NotFound, StorageFailed
from retread.core.files import PRIVATE_FOLDER
from retread.project.load import load_settings
from retread.project.settings import Settings
from retread.project.validation import PluginNames

SETTINGS_FILE = "retread.toml"


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """The folders, databases and settings of a project.

    Attributes:
        root: The folder with retread.toml. Relative paths in the settings start here.
        home: The folder with the project's state, RETREAD_HOME.
        settings: The settings.
    """

    root: Path
    home: Path
    settings: Settings

    @property
    def datasets(self) -> Path:
        """Folder of the dataset tables."""
        return self._folder(self.settings.storage.datasets, "datasets")

    @property
    def bundles(self) -> Path:
        """Folder of the model bundles."""
        return self._folder(self.settings.storage.bundles, "bundles")

    @property
    def traffic(self) -> Path:
        """Folder of recorded predictions and payloads."""
        return self.home / "traffic"

    @property
    def logs(self) -> Path:
        """Folder of log files."""
        return self.home / "logs"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the ledger's database; a relative path in it starts at `root`."""
        url = self.settings.database.url
        driver, _, path = url.partition(":///")
        if driver.startswith("sqlite") and path and not path.startswith(("/", ":", "file:")):
            return f"{driver}:///{_quoted(self.root)}/{path}"
        return url or _sqlite_url(self.home / "retread.db")

    @property
    def tracking_url(self) -> str:
        """SQLAlchemy URL of MLflow's database, which the tracking server also uses."""
        return _sqlite_url(self.home / "mlflow.db")

    @property
    def workflows_url(self) -> str:
        """SQLAlchemy URL of the database of durable workflows."""
        return _sqlite_url(self.home / "workflows.db")

    def _folder(self, setting: str, default: str) -> Path:
        return (self.root / setting) if setting else self.home / default


def open_project(
    start: Path, environment: Mapping[str, str], names: PluginNames | None = None
) -> LoadedProject:
    """Open the project in `start` or in the nearest folder above it, and make its home folder.

    Args:
        start: Where to look for retread.toml first.
        environment: Environment variables: RETREAD_HOME and overrides of settings.
        names: Recipes, model types and detectors that settings may name; None accepts any.

    Raises:
        NotFound: There is no retread.toml in `start` or above it.
        InvalidSettings: The settings have mistakes.
        StorageFailed: The home folder cannot be created.
    """
    root = _find(start.resolve())
    settings = load_settings(root / SETTINGS_FILE, environment, names)
    project = LoadedProject(root=root, home=_home(root, environment), settings=settings)
    for folder in (project.home, project.logs):
        _make(folder)
    _make_private(project.home)
    return project


def find_home(start: Path, environment: Mapping[str, str]) -> Path:
    """Return the home folder of the project in or above `start`, without reading its settings.

    Raises:
        NotFound: There is no retread.toml in `start` or above it.
    """
    return _home(_find(start.resolve()), environment)


def _home(root: Path, environment: Mapping[str, str]) -> Path:
    return (root / (environment.get("RETREAD_HOME") or ".retread")).resolve()


def _sqlite_url(file: Path) -> str:
    return f"sqlite:///{_quoted(file)}"


def _quoted(path: Path) -> str:
    """Escape a path for a URL, where `?` starts the query and `%` an escape sequence."""
    return str(path).replace("%", "%25").replace("?", "%3F")


def _make_private(home: Path) -> None:
    """Keep other users out of the home: it holds answers, photos and labels."""
    if stat.S_IMODE(home.stat().st_mode) != PRIVATE_FOLDER:
        with contextlib.suppress(PermissionError):  # another user's project, which we may use
            home.chmod(PRIVATE_FOLDER)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"Cannot create the folder {folder} for the project's state: {error.strerror}.",
            "Check what is in its place and its permissions, or set RETREAD_HOME.",
        ) from error


def _find(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise NotFound(
        f"There is no {SETTINGS_FILE} in {start} or above it.",
        "Create a project with: retread init PATH --template tires",
    )

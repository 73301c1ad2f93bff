"""retread.toml, checked, and the folders of a project.

>>> from retread.project import Settings
>>> Settings().serving.port
5001
"""

from retread.project.load import load_settings, parse_settings
from retread.project.project import SETTINGS_FILE, Project, open_project
from retread.project.sections import Scenario, ScenarioRun
from retread.project.settings import Settings

__all__ = [
    "SETTINGS_FILE",
    "Project",
    "Scenario",
    "ScenarioRun",
    "Settings",
    "load_settings",
    "open_project",
    "parse_settings",
]

"""retread.toml, checked, and the folders of a project.

>>> from retread.project import Settings
>>> Settings().serving.port
5001
"""

from retread.project.known_names import PluginNames
from retread.project.load import load_settings, parse_settings
from retread.project.project import SETTINGS_FILE, LoadedProject, find_home, open_project
from retread.project.settings import Scenario, ScenarioRun, Settings

__all__ = [
    "SETTINGS_FILE",
    "LoadedProject",
    "PluginNames",
    "Scenario",
    "ScenarioRun",
    "Settings",
    "find_home",
    "load_settings",
    "open_project",
    "parse_settings",
]

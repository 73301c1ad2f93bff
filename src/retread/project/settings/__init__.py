"""The settings in retread.toml: every key has a type, a default and a description.

docs/settings.md and the JSON Schema are generated from the descriptions of the sections.
"""

from retread.project.settings.data import (
    TIME_UNITS,
    CheckAction,
    ColumnSection,
    ColumnType,
    DataSection,
    Unreadable,
)
from retread.project.settings.loop import NotifySection, SlackSection, TriggersSection
from retread.project.settings.place import (
    AuthSection,
    ComputeSection,
    DatabaseSection,
    ProjectSection,
    StorageSection,
)
from retread.project.settings.section import Section
from retread.project.settings.serving import CanarySection, MonitoringSection, ServingSection
from retread.project.settings.settings import Settings
from retread.project.settings.training import (
    AugmentationSection,
    EarlyStoppingSection,
    GateSection,
    RecipeSection,
    Scenario,
    ScenarioRun,
    StoppingRule,
    TrainingSection,
)

__all__ = [
    "TIME_UNITS",
    "AugmentationSection",
    "AuthSection",
    "CanarySection",
    "CheckAction",
    "ColumnSection",
    "ColumnType",
    "ComputeSection",
    "DataSection",
    "DatabaseSection",
    "EarlyStoppingSection",
    "GateSection",
    "MonitoringSection",
    "NotifySection",
    "ProjectSection",
    "RecipeSection",
    "Scenario",
    "ScenarioRun",
    "Section",
    "ServingSection",
    "Settings",
    "SlackSection",
    "StoppingRule",
    "StorageSection",
    "TrainingSection",
    "TriggersSection",
    "Unreadable",
]

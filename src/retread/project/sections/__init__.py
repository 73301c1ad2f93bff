"""The sections of retread.toml: every key has a default, a type and a sentence."""

from retread.project.sections.delivery import CanarySection, GateSection, ServingSection
from retread.project.sections.ground import (
    AuthSection,
    ComputeSection,
    DatabaseSection,
    ProjectSection,
    StorageSection,
)
from retread.project.sections.learning import (
    DataSection,
    EarlyStoppingSection,
    RecipeSection,
    Scenario,
    ScenarioRun,
    TrainingSection,
)
from retread.project.sections.section import Section
from retread.project.sections.watching import (
    MonitoringSection,
    NotifySection,
    SlackSection,
    TriggersSection,
)

__all__ = [
    "AuthSection",
    "CanarySection",
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
    "SlackSection",
    "StorageSection",
    "TrainingSection",
    "TriggersSection",
]

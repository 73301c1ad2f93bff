"""All settings together, as retread.toml has them."""

from __future__ import annotations

from retread.project.settings.data import DataSection
from retread.project.settings.loop import NotifySection, TriggersSection
from retread.project.settings.place import (
    AuthSection,
    ComputeSection,
    DatabaseSection,
    ProjectSection,
    StorageSection,
)
from retread.project.settings.section import Section
from retread.project.settings.serving import CanarySection, MonitoringSection, ServingSection
from retread.project.settings.training import (
    EarlyStoppingSection,
    GateSection,
    RecipeSection,
    TrainingSection,
)


class Settings(Section):
    """All settings of a project."""

    project: ProjectSection = ProjectSection()
    """Name and ports."""
    data: DataSection = DataSection()
    """Source, columns and splits."""
    recipe: RecipeSection = RecipeSection()
    """Kind of task."""
    training: TrainingSection = TrainingSection()
    """Defaults of training runs, and scenarios."""
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    """When a run stops, and what it must achieve."""
    gate: GateSection = GateSection()
    """What a candidate must achieve."""
    serving: ServingSection = ServingSection()
    """Inference server."""
    canary: CanarySection = CanarySection()
    """Test on live traffic."""
    monitoring: MonitoringSection = MonitoringSection()
    """Windows, detectors and alarms."""
    triggers: TriggersSection = TriggersSection()
    """Triggers, cooldown and budget of retrainings."""
    notify: NotifySection = NotifySection()
    """Notifications."""
    storage: StorageSection = StorageSection()
    """Folders of datasets and bundles."""
    database: DatabaseSection = DatabaseSection()
    """Database URL."""
    compute: ComputeSection = ComputeSection()
    """Where training runs."""
    auth: AuthSection = AuthSection()
    """Access control."""

"""retread.toml as one frozen value."""

from __future__ import annotations

from retread.project.sections import (
    AuthSection,
    CanarySection,
    ComputeSection,
    DatabaseSection,
    DataSection,
    EarlyStoppingSection,
    GateSection,
    MonitoringSection,
    NotifySection,
    ProjectSection,
    RecipeSection,
    Section,
    ServingSection,
    StorageSection,
    TrainingSection,
    TriggersSection,
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
    """Defaults of a run, and scenarios."""
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    """When a run stops, and what it must reach."""
    gate: GateSection = GateSection()
    """What a candidate must pass."""
    serving: ServingSection = ServingSection()
    """The server."""
    canary: CanarySection = CanarySection()
    """The trial on traffic."""
    monitoring: MonitoringSection = MonitoringSection()
    """Windows, detectors, alarms."""
    triggers: TriggersSection = TriggersSection()
    """Retraining: causes, cooldown, budget."""
    notify: NotifySection = NotifySection()
    """Messages."""
    storage: StorageSection = StorageSection()
    """Places of datasets and bundles."""
    database: DatabaseSection = DatabaseSection()
    """Address of the database."""
    compute: ComputeSection = ComputeSection()
    """Where training runs."""
    auth: AuthSection = AuthSection()
    """Access control."""

"""[monitoring], [triggers], [notify.slack]."""

from __future__ import annotations

from pydantic import Field

from retread.project.sections.section import Section


class MonitoringSection(Section):
    """What is watched, and when it is an alarm."""

    window: int = Field(default=100, ge=10)
    """Records in a window."""
    interval_s: float = Field(default=5.0, gt=0)
    """How often new records are looked at."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance that quiet traffic ever raises a drift alarm, however long it is watched."""
    min_effect: float = Field(default=0.2, ge=0)
    """Effect size (population stability index of a stream) under which nobody is woken."""
    detectors: tuple[str, ...] = ("conformal",)
    """Detectors in use, by file name in retread/monitoring/detectors or package.module:Class."""
    degradation_margin: float = Field(default=0.1, gt=0)
    """Drop of the gate's metric on labelled traffic that is an alarm; a share for errors."""
    min_labels: int = Field(default=50, ge=1)
    """Labelled records before performance is judged."""
    repeat_s: float = Field(default=86_400.0, ge=0)
    """Seconds before an alarm that is still there is raised again for the same version."""
    keep_days: float = Field(default=30.0, gt=0)
    """Age at which recorded traffic is deleted."""


class TriggersSection(Section):
    """What may ask for retraining, and how often."""

    kinds: tuple[str, ...] = ("manual", "new-data", "drift", "degradation", "schedule", "commit")
    """Causes that are answered; others are recorded and refused."""
    cooldown_s: float = Field(default=600.0, ge=0)
    """Seconds between two retrainings that nobody asked for by hand."""
    daily_budget: int = Field(default=10, ge=0)
    """Retrainings in 24 hours; beyond it triggers are held for a person."""
    schedule: str = ""
    """Cron expression of the schedule trigger, in UTC; '' for none."""
    watch_source: bool = False
    """Add a dataset version when [data] source changes; beside a production it is trained on."""
    label_wait_s: float = Field(default=0.0, ge=0)
    """How long a retraining caused by traffic waits for labels of that traffic."""
    min_labelled: int = Field(default=50, ge=0)
    """Labelled records that make recorded traffic a new dataset version."""


class SlackSection(Section):
    """Messages to Slack; the webhook's address comes from RETREAD_SLACK_WEBHOOK or a file."""

    enabled: bool = True
    """Send messages when an address is known."""
    webhook_file: str = ""
    """File that holds the webhook's address."""
    timeout_s: float = Field(default=5.0, gt=0)
    """How long one delivery may take."""


class NotifySection(Section):
    """Who is told."""

    slack: SlackSection = SlackSection()
    """Slack, by incoming webhook."""

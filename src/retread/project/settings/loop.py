"""The settings of retraining: what triggers it, and who is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from retread.project.settings.section import Section


class TriggersSection(Section):
    """What may trigger a retraining, and how often."""

    kinds: tuple[str, ...] = ("manual", "new-data", "drift", "degradation", "schedule", "commit")
    """Accepted triggers. All others are recorded and refused."""
    cooldown_s: float = Field(default=600.0, ge=0)
    """Minimum number of seconds between two automatic retrainings."""
    daily_budget: int = Field(default=10, ge=0)
    """Maximum number of retrainings in 24 hours. Further triggers are held and can be started
    manually."""
    schedule: str = ""
    """Cron expression for scheduled retrainings, in the zone of
    `[project] timezone`. Empty: no schedule."""
    watch_source: bool = False
    """Add a dataset version whenever `[data]` `source` changes. If there is a production version,
    this also triggers a retraining."""
    label_wait_s: float = Field(default=0.0, ge=0)
    """Seconds that a retraining caused by traffic waits for labels of that traffic."""
    min_labelled: int = Field(default=50, ge=0)
    """Minimum number of labelled records for a new dataset version from recorded traffic."""


class SlackSection(Section):
    """Notifications to Slack through an incoming webhook.

    The URL of the webhook is read from RETREAD_SLACK_WEBHOOK or from a file.
    """

    enabled: bool = True
    """Send notifications if a webhook URL is configured."""
    webhook_file: str = ""
    """File that contains the webhook URL. Empty: use RETREAD_SLACK_WEBHOOK only."""
    timeout_s: float = Field(default=5.0, gt=0)
    """Timeout of one delivery in seconds."""


class NotifySection(Section):
    """Notifications."""

    slack: SlackSection = SlackSection()
    """Slack."""
    extra_notifiers: tuple[Annotated[str, Field(max_length=63)], ...] = ()
    """Notifiers of your own, each named as package.module:Class."""

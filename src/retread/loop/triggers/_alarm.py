"""The part that the triggers for alarms have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.trigger_interface import (
    AlarmT,
    IdentifiedAlarm,
    Proposal,
    TriggerContext,
    TriggerOptions,
    trigger_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTrigger(Generic[AlarmT]):
    """A trigger for the newest alarm about the version in production.

    Attributes:
        kind: Kind of the trigger.
        event: Type of the alarm.
        describe: Returns the detail of the proposal.
        missing: Start of the message when there is no alarm; the version completes it.
    """

    kind: CauseKind
    event: type[AlarmT]
    describe: Callable[[AlarmT], str]
    missing: str

    def evaluate(self, context: TriggerContext) -> tuple[Proposal, ...]:
        """Propose a retraining for the newest alarm."""
        alarm = context.newest_alarm(self.event)
        return (self._proposal(context, alarm, alarm.id),) if alarm else ()

    def request(self, context: TriggerContext, options: TriggerOptions) -> Proposal:
        """Propose a retraining for the newest alarm, at the request of a user.

        Raises:
            Refused: There is no alarm.
        """
        alarm = context.newest_alarm(self.event)
        if alarm is None:
            raise Refused(
                f"{self.missing} version {context.production or 'none'}.",
                "To check, run: retread monitor check; to retrain anyway: retread trigger manual",
            )
        proposal = self._proposal(context, alarm, options.key or alarm.id)
        return replace(proposal, user_requested=True)

    def _proposal(
        self, context: TriggerContext, alarm: IdentifiedAlarm[AlarmT], window: str
    ) -> Proposal:
        return Proposal(
            kind=self.kind,
            key=trigger_key(context.model, self.kind, window, context.data_digest),
            detail=self.describe(alarm.event),
            version=alarm.event.version,
        )

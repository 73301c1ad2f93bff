"""One retraining under way: what it works with and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from retread.loop.ports import LoopPorts
from retread.loop.sender import MessageContext
from retread.loop.steps import Steps
from retread.notify import Message
from retread.registry.events import RetrainingOutcome, TriggerReceived


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a retraining ended."""

    outcome: RetrainingOutcome
    reason: str
    version: int = 0


class Ended(Exception):
    """Ends the course from wherever it is."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Course:
    """The trigger that was asked, its checkpoints, and the rest of the system."""

    asked: TriggerReceived
    ports: LoopPorts
    steps: Steps

    @property
    def sender(self) -> MessageContext:
        return self.ports.sender

    def tell(self, about: str, message: Message) -> None:
        """Enqueue the message of this retraining `about` something; once."""
        self.ports.outbox.enqueue(f"{self.asked.trigger}/{about}", message)

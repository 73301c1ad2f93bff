"""What one retraining carries from step to step, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from retread.loop.messages import MessageContext
from retread.loop.ports import LoopPorts
from retread.notify import Message
from retread.registry.events import RetrainingOutcome, TriggerReceived

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")


class Steps(Protocol):
    """The checkpoints of one workflow.

    Steps are recognised by their order, so the path of a workflow may depend on nothing but what
    its steps returned. The process may die between the end of a step and its checkpoint; the step
    then runs again.
    """

    def run(self, name: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        """Run a step, or return what it returned when it ran before.

        Args:
            name: Name of the step.
            kind: Type of its result.
            work: The step. An error that it raises is remembered like a result.
        """
        ...


class RetrainingResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a retraining ended: the outcome, the reason, and the model version if there is one."""

    outcome: RetrainingOutcome
    reason: str
    version: int | None = None


class StopRetraining(Exception):
    """End a retraining with a result, from wherever it is."""

    def __init__(self, result: RetrainingResult) -> None:
        super().__init__(result.reason)
        self.result = result


@dataclass(frozen=True, slots=True)
class RetrainingContext:
    """One retraining: the trigger that started it, the rest of the system, and its checkpoints."""

    trigger: TriggerReceived
    ports: LoopPorts
    steps: Steps

    @property
    def trigger_id(self) -> str:
        """Id of the trigger."""
        return self.trigger.trigger

    @property
    def cause(self) -> str:
        """Why the retraining was started, for people to read."""
        return self.trigger.cause.detail or self.trigger.cause.kind

    @property
    def message_context(self) -> MessageContext:
        """What every notification mentions."""
        return self.ports.message_context

    def run_step(
        self,
        name: str,
        kind: type[Value],
        work: Callable[Concatenate[RetrainingContext, Arguments], Value],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Value:
        """Run `work(self, ...)` as a step, or return what it returned when it ran before.

        Args:
            name: Name of the step.
            kind: Type of its result.
            work: The step.
            *args: Further arguments of `work`.
            **kwargs: Further arguments of `work`.
        """
        return self.steps.run(name, kind, lambda: work(self, *args, **kwargs))

    def notify(self, subject: str, message: Message) -> None:
        """Queue a notification; once per `subject`."""
        told = replace(message, author="loop")
        self.ports.outbox.enqueue(f"{self.trigger_id}/{subject}", told)

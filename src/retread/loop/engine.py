"""Durable execution by DBOS: a workflow that was open when the process died goes on.

Import this module directly; it loads DBOS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, StepOptions
from dbos import error as dbos_error

from retread.core import RetreadError, Unavailable
from retread.loop.steps import Steps

# Not a hash of the code, so that a workflow that is open goes on under newer code. Steps are
# recognised by their order: whoever changes it raises this number, and what is open then begins
# anew; every step may be done again.
COURSE_VERSION = "2"

_FAILED = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_RETRY_S = 1.0
_RETRIES = 6

Value = TypeVar("Value")
Workflow = Callable[[str, Steps], str]


class DurableEngine:
    """Runs one workflow function for any number of triggers, each once.

    `url` is the SQLAlchemy address of its memory. DBOS is one per process, and so is this.
    """

    def __init__(self, name: str, url: str, workflow: Workflow) -> None:
        self._config = _config(name, url)
        self._workflow = workflow
        self._registered: Callable[[str], str] | None = None

    def start(self) -> None:
        """Open the memory; whatever is open in it goes on."""
        workflow = self._workflow
        DBOS(config=self._config)

        @DBOS.workflow(name="retraining")
        def retraining(trigger: str) -> str:
            return workflow(trigger, _DurableSteps())

        self._registered = retraining
        DBOS.launch()

    def run(self, trigger: str) -> None:
        """Start the workflow of `trigger`; nothing happens if it was started before."""
        assert self._registered is not None, "start() comes first"
        if DBOS.get_workflow_status(_id(trigger)) is not None:
            return
        with SetWorkflowID(_id(trigger)):
            DBOS.start_workflow(self._registered, trigger)

    def failure(self, trigger: str) -> str:
        """Why the workflow ended without a result; '' if it did not."""
        status = DBOS.get_workflow_status(_id(trigger))
        if status is None or status.status not in _FAILED:
            return ""
        return str(status.error or status.status)

    def stop(self) -> None:
        """Close the memory. What waits must have been interrupted before."""
        DBOS.destroy(destroy_registry=True)


class _DurableSteps:
    """Steps of the workflow that this thread runs."""

    def run(self, name: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        def checkpointed() -> str:
            return msgspec.json.encode(work()).decode()

        # A database that is away for a moment is no reason to give a retraining up.
        options: StepOptions = {
            "name": name,
            "retries_allowed": True,
            "max_attempts": _RETRIES,
            "interval_seconds": _RETRY_S,
            "should_retry": lambda error: isinstance(error, Unavailable),
        }
        try:
            result = DBOS.run_step(options, checkpointed)
        except dbos_error.DBOSMaxStepRetriesExceeded as error:
            raise error.errors[-1] from None
        return msgspec.json.decode(result, type=kind)


class _JsonSerializer(Serializer):
    """Plain JSON in the memory, where DBOS would pickle; errors by their text."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, dbos_error.DBOSMaxStepRetriesExceeded):
            data = data.errors[-1]
        if isinstance(data, BaseException):
            text = data.message if isinstance(data, RetreadError) else str(data)
            hint = data.hint if isinstance(data, RetreadError) else ""
            data = {"error": type(data).__name__, "message": text, "hint": hint}
        return msgspec.json.encode(data).decode()

    def deserialize(self, serialized_data: str) -> Any:
        data = msgspec.json.decode(serialized_data)
        if isinstance(data, dict) and data.keys() == {"error", "message", "hint"}:
            return RetreadError(data["message"], data["hint"])
        return data

    def name(self) -> str:
        return "retread_json"


def _id(trigger: str) -> str:
    return f"{trigger}/{COURSE_VERSION}"


def _config(name: str, url: str) -> DBOSConfig:
    return {
        "name": name,
        "system_database_url": url,
        "application_version": COURSE_VERSION,
        "executor_id": "loop",
        "serializer": _JsonSerializer(),
        "log_level": logging.getLevelName(logging.WARNING),
        "enable_otlp": False,
        # Nothing is scheduled or sent through DBOS; these only bound how long closing takes.
        "scheduler_polling_interval_sec": 60.0,
        "notification_listener_polling_interval_sec": 1.0,
    }

"""Durable execution by DBOS: a workflow that was open when the process died continues.

Import this module by name; it loads DBOS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, StepOptions
from dbos import error as dbos_error

from retread.core import RetreadError, Unavailable
from retread.loop.workflow_context import Steps

_FAILED = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_RETRY_S = 1.0
_RETRIES = 6

Value = TypeVar("Value")
Workflow = Callable[[str, Steps], str]


class DurableEngine:
    """Runs one workflow per trigger, once. DBOS exists once per process, and so does this.

    Args:
        name: Name of the application.
        url: SQLAlchemy URL of the database in which DBOS keeps checkpoints.
        workflow: The workflow; it returns its result as JSON.
        version: Version of the workflow. Open workflows of another version start again.
    """

    def __init__(self, name: str, url: str, workflow: Workflow, version: str) -> None:
        self._config = _config(name, url, version)
        self._workflow = workflow
        self._version = version
        self._registered: Callable[[str], str] | None = None

    def start(self) -> None:
        """Open the database; open workflows continue."""
        workflow = self._workflow
        DBOS(config=self._config)

        @DBOS.workflow(name="retraining")
        def retraining(trigger: str) -> str:
            return workflow(trigger, _DurableSteps())

        self._registered = retraining
        DBOS.launch()

    def run(self, trigger: str) -> None:
        """Start the workflow of a trigger; do nothing if it was started before."""
        assert self._registered is not None, "start() comes first"
        if DBOS.get_workflow_status(self._id(trigger)) is not None:
            return
        with SetWorkflowID(self._id(trigger)):
            DBOS.start_workflow(self._registered, trigger)

    def failure(self, trigger: str) -> str | None:
        """Return why the workflow ended without a result; None if it did not."""
        status = DBOS.get_workflow_status(self._id(trigger))
        if status is None or status.status not in _FAILED:
            return None
        return str(status.error or status.status)

    def stop(self) -> None:
        """Close the database. Waiting steps must have been interrupted before."""
        DBOS.destroy(destroy_registry=True)

    def _id(self, trigger: str) -> str:
        return f"{trigger}/{self._version}"


class _DurableSteps:
    """The steps of the workflow that runs in the current thread."""

    def run(self, name: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        def checkpointed() -> str:
            return msgspec.json.encode(work()).decode()

        # A database that is briefly unavailable must not end a retraining.
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
    """Stores plain JSON where DBOS would use pickle, and errors by their text."""

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


def _config(name: str, url: str, version: str) -> DBOSConfig:
    return {
        "name": name,
        "system_database_url": url,
        "application_version": version,
        "executor_id": "loop",
        "serializer": _JsonSerializer(),
        "log_level": logging.getLevelName(logging.WARNING),
        "enable_otlp": False,
        # Nothing is scheduled or sent through DBOS; these only bound how long closing takes.
        "scheduler_polling_interval_sec": 60.0,
        "notification_listener_polling_interval_sec": 1.0,
    }

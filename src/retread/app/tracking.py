"""`python -m retread.app.tracking --project PATH --port N`: run MLflow's server in one process.

`mlflow server` takes at least two processes, of which the first only waits for the second. This is
the second alone, with half the memory and a third of the startup time, on the loopback interface
and behind a gate of our own.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

import uvicorn

from retread.app.tracking_gate import TrackingGate
from retread.project import LoadedProject, open_project


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="retread.app.tracking")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    project = open_project(options.project, os.environ)
    os.environ.update(environment(project))
    with warnings.catch_warnings():
        # MLflow's imports emit deprecation warnings that only MLflow can resolve.
        warnings.simplefilter("ignore")
        from mlflow.server.fastapi_app import app
    gated = TrackingGate(app)
    uvicorn.run(gated, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


def environment(project: LoadedProject) -> dict[str, str]:
    """Return the variables that `mlflow server` sets for its second process (names of MLflow 3)."""
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "_MLFLOW_SERVER_FILE_STORE": project.tracking_url,
        "_MLFLOW_SERVER_REGISTRY_STORE": project.tracking_url,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(project.home / "mlartifacts"),
        "_MLFLOW_SGI_NAME": "uvicorn",
    }


if __name__ == "__main__":
    main()

"""`python -m retread.app.tracking --project PATH --port N`: MLflow's server, in one process.

`mlflow server` is two processes at the least, the first only to wait for the second; this is the
second alone (half the memory, a third of the time to start), on loopback, with MLflow's own check
of Host and Origin.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

import uvicorn

from retread.project import LoadedProject, open_project


def main() -> None:
    parser = argparse.ArgumentParser(prog="retread.app.tracking")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    project = open_project(options.project, os.environ)
    os.environ.update(environment(project))
    with warnings.catch_warnings():
        # MLflow's own imports warn of what MLflow will have to change.
        warnings.simplefilter("ignore")
        from mlflow.server.fastapi_app import app
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


def environment(project: LoadedProject) -> dict[str, str]:
    """What `mlflow server` would hand to its second process; its names are MLflow 3's."""
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

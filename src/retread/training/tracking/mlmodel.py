"""The description that makes a folder with model.onnx a model of MLflow's ONNX flavor.

MLflow's own `save_model` needs seconds of imports and writes an environment that we keep in the
bundle; the format is documented under "MLflow Model" and is YAML, of which JSON is a part.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from retread.training.tracking.client import MODEL_FOLDER


def mlmodel(run_id: str) -> dict[str, Any]:
    """The content of the file `MLmodel`."""
    providers = ["CPUExecutionProvider"]
    return {
        "artifact_path": MODEL_FOLDER,
        "run_id": run_id,
        "mlflow_version": metadata.version("mlflow"),
        "flavors": {
            "onnx": {
                "data": "model.onnx",
                "onnx_version": metadata.version("onnx"),
                "providers": providers,
                "code": None,
            },
            "python_function": {
                "loader_module": "mlflow.onnx",
                "data": "model.onnx",
                "env": {},
            },
        },
    }

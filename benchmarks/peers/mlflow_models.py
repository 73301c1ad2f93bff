"""Save the forest in MLflow's sklearn and ONNX flavors; to be run with the Python of the peer.

`mlflow_models.py FOLDER MODEL.onnx` makes FOLDER/sklearn and FOLDER/onnx.
"""

import sys
from pathlib import Path

import mlflow.onnx
import mlflow.sklearn
import numpy as np
import onnx
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

folder, model = Path(sys.argv[1]), sys.argv[2]
features, truth = load_iris(return_X_y=True)
forest = RandomForestClassifier(n_estimators=100, random_state=0)
forest.fit(features.astype(np.float32), truth)
requirements = ["mlflow"]
mlflow.sklearn.save_model(
    forest,
    str(folder / "sklearn"),
    pip_requirements=requirements,
    serialization_format="cloudpickle",
)
mlflow.onnx.save_model(onnx.load(model), str(folder / "onnx"), pip_requirements=requirements)

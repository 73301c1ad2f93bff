"""Runs in MLflow; importing a module of this package does not import mlflow, using it does.

`mlflow_tracking.MlflowTracking` records runs, `runs.MlflowRuns` reads them, `aliases.MlflowAliases`
shows our stages as aliases of MLflow's registered model.
"""

__all__: list[str] = []

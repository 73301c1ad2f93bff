"""Estimators over tables: `build(regression, seed, threads) -> Model`.

`retread.training.estimator` says what a Model is.
"""

__all__: list[str] = []

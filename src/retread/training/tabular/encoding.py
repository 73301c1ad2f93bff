"""Encode the columns of a table for an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from retread.bundle import Signature
from retread.core import InvalidInput
from retread.training.inputs import CATEGORIES, FEATURES, Arrays
from retread.training.model_interfaces import Matrix, TabularModel


def encoder(train: Arrays, model: TabularModel) -> ColumnTransformer:
    """Build the encoder of a model.

    Numbers pass through, with medians for missing values where the model does not handle them.
    Categories are one-hot encoded; an unknown category is all zeros.
    """
    numbers = train[FEATURES].shape[1] if FEATURES in train else 0
    categories = train[CATEGORIES].shape[1] if CATEGORIES in train else 0
    steps: list[tuple[str, Any, list[int]]] = []
    if numbers:
        fill = "passthrough" if model.handles_missing else SimpleImputer(strategy="median")
        steps.append(("numbers", fill, list(range(numbers))))
    if categories:
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        steps.append(("categories", one_hot, list(range(numbers, numbers + categories))))
    return ColumnTransformer(steps)


def stacked(inputs: Arrays) -> Matrix:
    """Concatenate the graph's inputs by column; of dtype object only if there are categories."""
    if CATEGORIES not in inputs:
        return inputs[FEATURES]
    parts = [inputs[name].astype(object) for name in (FEATURES, CATEGORIES) if name in inputs]
    return np.concatenate(parts, axis=1)


def check_columns(signature: Signature, train: Arrays) -> None:
    """Check that every numeric column of the training split has a value.

    Raises:
        InvalidInput: Columns are empty; the message names them.
    """
    if FEATURES not in train:
        return
    columns = next(spec.columns for spec in signature.inputs if spec.name == FEATURES)
    values = dict(zip(columns, train[FEATURES].T, strict=True))
    empty = [name for name, column in values.items() if np.isnan(column).all()]
    if empty:
        raise InvalidInput(
            f"In the training split, these columns have no values: {', '.join(empty)}.",
            "Add them to [data] exclude, or fix the data.",
        )

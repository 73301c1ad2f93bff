"""The mean of the target in each category, as a number that stands for the category.

For columns with more categories than can be told apart by indicators: a tree splits the means as
it would split the categories themselves (Fisher 1958). The training rows get means of other rows
(cross-fitting), because the mean of a rare category is otherwise the target itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from retread.bundle import Texts
from retread.training.tabular.precision import Singles

_FOLDS = 5

MOST_CLASSES = 10
"""With more, a mean per class would be too many columns."""


@dataclass(frozen=True, slots=True, eq=False)
class CategoryMeans:
    """The means of a column.

    Attributes:
        known: All categories of the training rows.
        table: float32 [categories + 1, means]: a row per category, the last for unknown ones.
    """

    known: tuple[str, ...]
    table: Singles

    @property
    def width(self) -> int:
        """Number of means: one, or one per class of more than two."""
        return int(self.table.shape[1])

    def encode(self, values: Texts) -> Singles:
        """Return the means of each value, float32 [n, means]."""
        known = pa.array(self.known, pa.large_string())
        codes = pc.index_in(pa.array(values, pa.large_string()), known)
        found: Singles = self.table[codes.fill_null(len(self.known)).to_numpy()]
        return found


def fit_means(
    values: Texts, target: npt.NDArray[Any], seed: int
) -> tuple[CategoryMeans, Singles] | None:
    """Return the means of a column, and those of its training rows; None for many classes.

    Args:
        values: The column, texts [n].
        target: Class indices, int64 [n], or numbers, float64 [n].
        seed: Seed of the folds.
    """
    classes = len(np.unique(target)) if target.dtype.kind == "i" else 0
    if classes > MOST_CLASSES:
        return None
    kind = "continuous" if not classes else "binary" if classes == 2 else "multiclass"
    encoded = pa.array(values, pa.large_string()).dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)[:, None]
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    encoder = TargetEncoder(target_type=kind, cv=folds)
    cross_fitted = encoder.fit_transform(codes, target).astype(np.float32)
    means = np.stack(encoder.encodings_, axis=1)
    table = np.concatenate([means, np.reshape(encoder.target_mean_, (1, -1))]).astype(np.float32)
    return CategoryMeans(tuple(encoded.dictionary.to_pylist()), table), cross_fitted

"""The rows of a dataset version that a run trains or evaluates on, and the order of labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.bundle import UNKNOWN, Texts, texts
from retread.core import Inconclusive, InvalidInput, digest_json
from retread.data.store import DIGEST, ID, LABEL, TIMESTAMP, DatasetStore
from retread.data.version import DatasetVersion, Split

Truth = npt.NDArray[np.int64] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows of one split, sorted by id.

    Attributes:
        rows: The rows.
        known_digest: Their digest if it is known; None to compute it when it is asked for.
    """

    rows: pa.Table
    known_digest: str | None = None

    @property
    def digest(self) -> str:
        """Identifies exactly these rows, by id, content and label."""
        if self.known_digest is not None:
            return self.known_digest
        names = [name for name in (ID, DIGEST, LABEL) if name in self.rows.column_names]
        return digest_json([self.rows[name].to_pylist() for name in names])

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.rows.num_rows)

    @property
    def ids(self) -> Texts:
        """Ids of the rows, texts [n]."""
        return texts(self.rows[ID].to_pylist())

    def truth(self, labels: tuple[str, ...], *, allow_unknown: bool = False) -> Truth:
        """Return the true labels or targets.

        Args:
            labels: The labels that the model knows; empty for regression.
            allow_unknown: Whether other labels are UNKNOWN rather than an error.

        Returns:
            Int64 [n] indices into `labels`, or float64 [n] targets.

        Raises:
            Inconclusive: A row has a label that is not in `labels`, unless that is allowed, or
                that is no number where the model predicts one.
        """
        if not labels and not pa.types.is_floating(self.rows[LABEL].type):
            raise Inconclusive("The data has class labels, but the model predicts numbers.")
        if not labels:
            return np.asarray(self.rows[LABEL].to_numpy(), dtype=np.float64)
        values = self.rows[LABEL].cast(pa.string())
        indices = pc.index_in(values, pa.array(labels, pa.string()))
        if indices.null_count and not allow_unknown:
            unknown = sorted(values.filter(indices.is_null()).unique().to_pylist())
            raise Inconclusive(
                f"The data has labels {unknown} that the model does not know.",
                f"It was trained on {list(labels)}; train a new one.",
            )
        return np.asarray(pc.fill_null(indices, UNKNOWN).to_numpy(), dtype=np.int64)


def read_examples(
    datasets: DatasetStore,
    version: DatasetVersion,
    split: Split,
    window_days: float = 0.0,
    columns: Sequence[str] | None = None,
) -> Examples:
    """Read the rows of a split.

    This one function decides both what is trained on and what evidence is computed from, so that
    candidate and production are always compared on the same rows.

    Args:
        window_days: Read only rows at most this many days older than the newest row of the
            version that is not in the future; 0 reads all.
        columns: Columns to read; None reads all.

    Raises:
        InvalidInput: There is a window, but the rows have no timestamps.
    """
    rows = datasets.read(version, split, columns)
    if not window_days:
        known = version.evaluation_digest if split is Split.EVALUATION else None
        return Examples(rows, known)
    has_stamps = TIMESTAMP in rows.column_names
    stamps = datasets.read(version, columns=[TIMESTAMP])[TIMESTAMP] if has_stamps else None
    newest = _newest(stamps, version.created_at) if stamps is not None else None
    if stamps is None or newest is None:
        raise InvalidInput(
            f"window_days is {window_days:g}, but {version.reference} has no timestamps.",
            "Set [data] timestamp to the column with the time of each row, and add the data again.",
        )
    cutoff = pa.scalar(newest - timedelta(days=window_days), type=stamps.type)
    return Examples(rows.filter(pc.greater(rows[TIMESTAMP], cutoff)))


def sampled(examples: Examples, share: float, seed: int) -> Examples:
    """Draw a random share of the examples, at least one."""
    if share >= 1.0 or not examples.count:
        return examples
    size = max(1, round(examples.count * share))
    drawn = np.random.default_rng(seed).permutation(examples.count)[:size]
    return _taken(examples, np.sort(drawn))


def joined(*parts: Examples) -> Examples:
    """Concatenate the rows of several splits."""
    return Examples(pa.concat_tables([part.rows for part in parts]))


def added_since(examples: Examples, known: Collection[str], least: int) -> Examples:
    """Return the examples whose ids are not `known`, or all if fewer than `least` are new."""
    if not known:
        return examples
    old = pc.is_in(examples.rows[ID], pa.array(list(known), pa.string()))
    indices = np.flatnonzero(~np.asarray(old.to_numpy(), dtype=np.bool_))
    return examples if len(indices) < least else _taken(examples, indices)


def spread(examples: Examples, most: int) -> Examples:
    """Return at most `most` examples, evenly spaced from first to last."""
    if examples.count <= most:
        return examples
    indices = np.linspace(0, examples.count - 1, most).astype(np.int64)
    return _taken(examples, indices)


def ordered_labels(labels: tuple[str, ...], positive: str | None) -> tuple[str, ...]:
    """Sort labels; of two, the positive one comes second, if one is named.

    >>> ordered_labels(("defective", "good"), "defective")
    ('good', 'defective')

    Raises:
        InvalidInput: `positive` is not empty and not one of the labels.
    """
    found = tuple(sorted(labels))
    if positive and positive not in found:
        raise InvalidInput(
            f"[recipe] positive_label is {positive!r}, but the labels are {list(found)}.",
            "Set it to one of them, or remove it.",
        )
    if len(found) != 2 or not positive:
        return found
    return tuple(sorted(found, key=lambda label: label == positive))


def check_rows(
    split: str, examples: Examples, labels: tuple[str, ...], window_days: float = 0.0
) -> None:
    """Check that a split has rows and, for regression, that its targets are finite.

    Raises:
        InvalidInput: It has no rows, or a target is missing or infinite.
    """
    if examples.count == 0:
        within = f" within {window_days:g} days of the newest row" if window_days else ""
        hint = ", or increase [data] window_days." if window_days else "."
        raise InvalidInput(f"The {split} split has no rows{within}.", f"Add more data{hint}")
    if not labels and not np.isfinite(examples.truth(())).all():
        raise InvalidInput(
            f"The {split} split has rows whose target is missing or infinite.",
            "Remove these rows from the source, and add it again.",
        )


def check_labels(labels: tuple[str, ...], train: Examples, hint: str) -> None:
    """Check that the training split has at least two classes, and every label.

    Args:
        labels: The labels to learn; empty for regression.
        hint: What to do about it, for the error.

    Raises:
        InvalidInput: Only one label or target value occurs, or a label does not occur.
    """
    present = set(train.rows[LABEL].unique().to_pylist())
    if len(present) < 2:
        value = next(iter(present))
        what = f"single class, {value!r}" if labels else f"single target value, {value:g}"
        raise InvalidInput(
            f"The training split contains a {what}; at least two are required.", hint
        )
    absent = [label for label in labels if label not in present]
    if absent:
        raise InvalidInput(f"The training split contains no example labelled {absent}.", hint)


def _taken(examples: Examples, indices: npt.NDArray[np.int64]) -> Examples:
    return Examples(examples.rows.take(pa.array(indices)))


def _newest(stamps: pa.ChunkedArray, added_at: datetime) -> datetime | None:
    """Return the newest time that was not in the future, in any zone, when rows were added."""
    latest = pa.scalar(added_at + timedelta(days=1), type=stamps.type)
    return cast("datetime | None", pc.max(stamps.filter(pc.less_equal(stamps, latest))).as_py())

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

from retread.core import Inconclusive, InvalidInput, digest_json
from retread.data.store import DIGEST, ID, LABEL, TIMESTAMP, DatasetStore
from retread.data.version import DatasetVersion, Split

Truth = npt.NDArray[np.int64] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows of one split, sorted by id; `digest` identifies exactly these rows."""

    rows: pa.Table
    digest: str

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.rows.num_rows)

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Ids of the rows, str [n]."""
        return np.array(self.rows[ID].to_pylist(), dtype=np.str_)

    def truth(self, labels: tuple[str, ...]) -> Truth:
        """Return the true labels or targets.

        Args:
            labels: The labels that the model knows; empty for regression.

        Returns:
            Int64 [n] indices into `labels`, or float64 [n] targets.

        Raises:
            Inconclusive: A row has a label that is not in `labels`.
        """
        if not labels:
            return np.asarray(self.rows[LABEL].to_numpy(), dtype=np.float64)
        indices = {label: index for index, label in enumerate(labels)}
        values = self.rows[LABEL].to_pylist()
        unknown = sorted(set(values) - set(indices))
        if unknown:
            raise Inconclusive(
                f"The data has labels {unknown} that the model does not know.",
                f"It was trained on {list(labels)}; train a new one.",
            )
        return np.array([indices[value] for value in values], dtype=np.int64)


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
        return Examples(rows, _digest(version, split, rows))
    has_stamps = TIMESTAMP in rows.column_names
    stamps = datasets.read(version, columns=[TIMESTAMP])[TIMESTAMP] if has_stamps else None
    newest = _newest(stamps, version.created_at) if stamps is not None else None
    if stamps is None or newest is None:
        raise InvalidInput(
            f"window_days is {window_days:g}, but {version.reference} has no timestamps.",
            "Set [data] timestamp to the column with the time of each row, and add the data again.",
        )
    cutoff = pa.scalar(newest - timedelta(days=window_days), type=stamps.type)
    recent = rows.filter(pc.greater(rows[TIMESTAMP], cutoff))
    return Examples(recent, _digest(None, split, recent))


def sampled(examples: Examples, share: float, seed: int) -> Examples:
    """Draw a random share of the examples, at least one."""
    if share >= 1.0 or not examples.count:
        return examples
    size = max(1, round(examples.count * share))
    drawn = np.random.default_rng(seed).permutation(examples.count)[:size]
    return _taken(examples, np.sort(drawn), Split.TRAIN)


def joined(*parts: Examples) -> Examples:
    """Concatenate the rows of several splits."""
    rows = pa.concat_tables([part.rows for part in parts])
    return Examples(rows, digest_json([part.digest for part in parts]))


def added_since(examples: Examples, known: Collection[str], least: int) -> Examples:
    """Return the examples whose ids are not `known`, or all if fewer than `least` are new."""
    indices = np.flatnonzero(~np.isin(examples.ids, list(known)))
    return examples if len(indices) < least else _taken(examples, indices, Split.EVALUATION)


def spread(examples: Examples, most: int) -> Examples:
    """Return at most `most` examples, evenly spaced from first to last."""
    if examples.count <= most:
        return examples
    indices = np.linspace(0, examples.count - 1, most).astype(np.int64)
    return _taken(examples, indices, Split.EVALUATION)


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
    present = set(train.rows[LABEL].to_pylist())
    if len(present) < 2:
        value = next(iter(present))
        what = f"single class, {value!r}" if labels else f"single target value, {value:g}"
        raise InvalidInput(
            f"The training split contains a {what}; at least two are required.", hint
        )
    absent = [label for label in labels if label not in present]
    if absent:
        raise InvalidInput(f"The training split contains no example labelled {absent}.", hint)


def _newest(stamps: pa.ChunkedArray, added_at: datetime) -> datetime | None:
    """Return the newest time that was not in the future, in any zone, when rows were added."""
    latest = pa.scalar(added_at + timedelta(days=1), type=stamps.type)
    return cast("datetime | None", pc.max(stamps.filter(pc.less_equal(stamps, latest))).as_py())


def _taken(examples: Examples, indices: npt.NDArray[np.int64], split: Split) -> Examples:
    rows = examples.rows.take(pa.array(indices))
    return Examples(rows, _digest(None, split, rows))


def _digest(version: DatasetVersion | None, split: Split, rows: pa.Table) -> str:
    if version is not None and split is Split.EVALUATION:
        return version.evaluation_digest
    return digest_json(
        [rows[name].to_pylist() for name in (ID, DIGEST, LABEL) if name in rows.column_names]
    )

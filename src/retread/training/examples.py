"""The rows of a dataset version that a training or an evaluation uses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

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
    """Rows of one split, sorted by id; `digest` names exactly these rows."""

    rows: pa.Table
    digest: str

    @property
    def count(self) -> int:
        return int(self.rows.num_rows)

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Str [n]."""
        return np.array(self.rows[ID].to_pylist(), dtype=np.str_)

    def truth(self, labels: tuple[str, ...]) -> Truth:
        """Int64 [n] places in `labels`, or float64 [n] targets when there are no labels.

        Raises Inconclusive for a label that is not in `labels`.
        """
        if not labels:
            return np.asarray(self.rows[LABEL].to_numpy(), dtype=np.float64)
        places = {label: place for place, label in enumerate(labels)}
        values = self.rows[LABEL].to_pylist()
        unknown = sorted(set(values) - set(places))
        if unknown:
            raise Inconclusive(
                f"The data has labels {unknown} that the model does not know.",
                f"It was trained on {list(labels)}; train a new one.",
            )
        return np.array([places[value] for value in values], dtype=np.int64)


def read_examples(
    datasets: DatasetStore,
    version: DatasetVersion,
    split: Split,
    window_days: float = 0.0,
    columns: Sequence[str] | None = None,
) -> Examples:
    """The rows of a split, of the last `window_days` days before the version's newest row.

    This one function decides what is trained on and what evidence is made of, so that candidate
    and production are always compared on the same rows. 0 takes all rows; InvalidInput when a
    window is asked for and the rows have no timestamp. `columns` is None for all.
    """
    rows = datasets.read(version, split, columns)
    if not window_days:
        return Examples(rows, _digest(version, split, rows))
    has_stamps = TIMESTAMP in rows.column_names
    stamps = datasets.read(version, columns=[TIMESTAMP])[TIMESTAMP] if has_stamps else None
    newest = pc.max(stamps).as_py() if has_stamps else None
    if stamps is None or newest is None:
        raise InvalidInput(
            f"window_days is {window_days:g}, but {version.reference} has no timestamps.",
            "Set [data] timestamp to the column that says when a row happened, and add it again.",
        )
    cutoff = pa.scalar(newest - timedelta(days=window_days), type=stamps.type)
    recent = rows.filter(pc.greater(rows[TIMESTAMP], cutoff))
    return Examples(recent, _digest(None, split, recent))


def sampled(examples: Examples, share: float, seed: int) -> Examples:
    """A share of the examples, at least one, drawn with the seed."""
    if share >= 1.0 or not examples.count:
        return examples
    size = max(1, round(examples.count * share))
    drawn = np.random.default_rng(seed).permutation(examples.count)[:size]
    rows = examples.rows.take(pa.array(np.sort(drawn)))
    return Examples(rows, _digest(None, Split.TRAIN, rows))


def joined(*parts: Examples) -> Examples:
    """The rows of several splits, one after the other."""
    rows = pa.concat_tables([part.rows for part in parts])
    return Examples(rows, digest_json([part.digest for part in parts]))


def added_since(examples: Examples, known: Collection[str], least: int) -> Examples:
    """Those whose ids are not `known`; all of them where these are fewer than `least`."""
    places = np.flatnonzero(~np.isin(examples.ids, list(known)))
    if len(places) < least:
        return examples
    rows = examples.rows.take(pa.array(places))
    return Examples(rows, _digest(None, Split.EVALUATION, rows))


def spread(examples: Examples, most: int) -> Examples:
    """At most so many examples, evenly from first to last."""
    if examples.count <= most:
        return examples
    places = np.linspace(0, examples.count - 1, most).astype(np.int64)
    rows = examples.rows.take(pa.array(places))
    return Examples(rows, _digest(None, Split.EVALUATION, rows))


def _digest(version: DatasetVersion | None, split: Split, rows: pa.Table) -> str:
    if version is not None and split is Split.EVALUATION:
        return version.evaluation_digest
    return digest_json(
        [rows[name].to_pylist() for name in (ID, DIGEST, LABEL) if name in rows.column_names]
    )

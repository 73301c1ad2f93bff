"""Find the examples that belong together, so that they share a split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.near_duplicates import HASH_DIGITS, NearDuplicateIndex
from retread.data.near_equal import Pairs, unite
from retread.data.store import DIGEST, GROUP, ID


def groups_of(rows: pa.Table, similar: pa.Array, base: pa.Table | None) -> pa.Array:
    """Return the group of each row.

    It is the one from the source, else that of the same content in the base version, else that of
    its near-duplicates.

    Args:
        rows: The rows, with GROUP and DIGEST.
        similar: For each row, a key that near-duplicates share.
        base: The KEYS columns of the base version; None if there is none.
    """
    groups = rows[GROUP].combine_chunks()
    if base is not None:
        same = pc.index_in(rows[DIGEST].combine_chunks(), value_set=base[DIGEST].combine_chunks())
        groups = pc.coalesce(groups, base[GROUP].combine_chunks().take(same))
    if pc.any(pc.equal(pc.binary_length(similar), HASH_DIGITS)).as_py():
        similar = _by_leader(similar, groups, base)
    return pc.coalesce(groups, similar)


def with_near_equal(
    rows: pa.Table,
    groups: pa.Array,
    pairs: Pairs,
    base: pa.Table | None,
    base_features: pa.Table | None,
) -> pa.Array:
    """Return the groups after those of rows that are equal but for noise were united.

    Args:
        rows: The rows, with GROUP as the source gives it, DIGEST and the features.
        groups: The group of each row.
        pairs: Pairs of near-equal rows, counted on into those of the base version.
        base: The KEYS columns of the base version; None if there is none.
        base_features: ID of the rows that `pairs` counts; None if there are none.
    """
    count = rows.num_rows
    if not len(pairs):
        return groups
    if base_features is not None and base is not None:
        where = pc.index_in(base_features[ID], value_set=base[ID].combine_chunks())
        before = base[GROUP].take(where).combine_chunks()
        groups = pa.concat_arrays([groups, before])
    # What earlier versions hold stays where it is.
    new = np.zeros(len(groups), dtype=bool)
    new[:count] = rows[GROUP].is_null().to_numpy()
    fixed = pa.array([], pa.string())
    if base is not None:
        new[:count] &= ~pc.is_in(rows[DIGEST], value_set=base[DIGEST].combine_chunks()).to_numpy()
        fixed = base[GROUP].combine_chunks()
    return unite(groups, pairs, fixed, new).slice(0, count)


def _by_leader(similar: pa.Array, groups: pa.Array, base: pa.Table | None) -> pa.Array:
    """Return the leader of each key's near-duplicates, where a row has no group yet."""
    index = NearDuplicateIndex(base[GROUP].unique().to_pylist() if base is not None else ())
    missing = sorted(similar.filter(groups.is_null()).unique().to_pylist())
    leaders = pa.array([index.group_of(key) for key in missing], pa.string())
    where = pc.index_in(similar, value_set=pa.array(missing, pa.string()))
    return leaders.take(where)

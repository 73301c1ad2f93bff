"""What has the same digest is the same."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from retread.data.content import row_digests

TEXTS = st.none() | st.text(st.sampled_from("a\x00\x10\x1f\\"), max_size=3)
ROWS = st.tuples(TEXTS, TEXTS)


@given(st.lists(ROWS, min_size=2, max_size=20, unique=True))
def test_different_rows_have_different_digests(rows: list[tuple[str | None, str | None]]) -> None:
    names = ["x", "y"]
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in (0, 1)]
    digests = row_digests(pa.table(columns, names=names), names)
    assert len(set(digests)) == len(rows)

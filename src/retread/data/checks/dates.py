"""Check that the times of rows are within reason: neither in the future nor placeholders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import CheckResult, Outcome
from retread.data.store import ID, TIMESTAMP
from retread.data.summary import ROW, DatasetSummary
from retread.project.settings import CheckAction

ACTION = CheckAction.TELL

# What spreadsheets and computers write where there is no date, and what nobody measured before.
_EARLIEST = datetime(1900, 1, 2, tzinfo=UTC)
_PLACEHOLDERS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(1904, 1, 1, tzinfo=UTC))
_ZONES = timedelta(days=1)
_MAX_LISTED = 5


def check(summary: DatasetSummary) -> CheckResult:
    """Look for times that are later than the time of the addition, or too early to be true."""
    table = summary.context.table
    times = None if table is None else table[TIMESTAMP]
    if table is None or times is None or times.null_count == len(times):
        return CheckResult(check="dates", outcome=Outcome.PASS, reason="The rows have no times.")
    kind = times.type
    future = pc.greater(times, pa.scalar(summary.context.now + _ZONES, kind))
    early = pc.less(times, pa.scalar(_EARLIEST, kind))
    placeholder = pc.is_in(times, value_set=pa.array(_PLACEHOLDERS, kind))
    odd = table.filter(pc.or_(pc.or_(future, early), placeholder))
    listed = [f"{_row(row)} {row[TIMESTAMP]:%Y-%m-%d}" for row in odd.to_pylist()[:_MAX_LISTED]]
    more = "; ..." if odd.num_rows > _MAX_LISTED else ""
    return CheckResult(
        check="dates",
        outcome=Outcome.FAIL if odd.num_rows else Outcome.PASS,
        reason=f"{odd.num_rows} of {table.num_rows} rows have a time in the future or before "
        f"{_EARLIEST.year}, or one that stands for none: {'; '.join(listed)}{more}. They do not "
        "count where a window or the evaluation period ends."
        if odd.num_rows
        else "All times are within reason.",
        numbers={"outside": float(odd.num_rows), "rows": float(table.num_rows)},
    )


def _row(row: dict[str, object]) -> str:
    return f"row {row[ROW]}:" if row[ROW] is not None else f"{row[ID]}:"

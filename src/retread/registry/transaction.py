"""Transactions that start over when the database could not order them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from retread.core import Database, Unavailable

ATTEMPTS = 30

_STARTS_OVER = {"40001", "40P01"}
"""PostgreSQL: serialization failure, deadlock."""

Result = TypeVar("Result")


def serialised(database: Database, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one write transaction, again when PostgreSQL asks for that.

    `work` may run several times and must have no effect beside the transaction.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            with database.write() as connection:
                return work(connection)
        except Unavailable as error:
            if not _starts_over(error):
                raise
            # Jitter, so that two writers do not meet again; it decides nothing.
            time.sleep(random.uniform(0, 0.002 * attempt))  # noqa: S311 (no secret)
    with database.write() as connection:
        return work(connection)


def _starts_over(error: Unavailable) -> bool:
    driver_error = getattr(error.__cause__, "orig", None)
    return getattr(driver_error, "sqlstate", None) in _STARTS_OVER

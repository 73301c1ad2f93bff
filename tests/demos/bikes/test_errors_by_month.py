"""Monthly errors, and the mean over months."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retread.demos.bikes.errors_by_month import FIXED, LOOP, ErrorsByMonth


def test_a_year_is_the_mean_of_its_months_however_many_hours_they_have() -> None:
    errors = ErrorsByMonth()
    for hour in range(3):
        errors.add(datetime(2012, 1, 1, hour, tzinfo=UTC), truth=10.0, fixed=20.0, loop=11.0)
    errors.add(datetime(2012, 2, 1, tzinfo=UTC), truth=10.0, fixed=40.0, loop=15.0)
    assert errors.months() == ("2012-01", "2012-02")
    assert errors.mean(errors.months()) == pytest.approx((20.0, 3.0))
    assert [(row.traffic, row.who, row.mean, row.answers) for row in errors.rows()][:2] == [
        ("2012-01", FIXED, 10.0, 3),
        ("2012-01", LOOP, 1.0, 3),
    ]

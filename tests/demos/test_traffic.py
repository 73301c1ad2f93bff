"""Delayed labels are due in order, and once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retread.demos.traffic import DelayedLabels


@given(st.integers(0, 20), st.integers(0, 50))
def test_each_label_is_due_once_after_its_delay(delay: int, count: int) -> None:
    labels = DelayedLabels(delay)
    due: list[str] = []
    for number in range(count):
        labels.put(str(number), "good")
        due += [request_id for request_id, _ in labels.due()]
        assert len(due) == max(0, number + 1 - delay)
    due += [request_id for request_id, _ in labels.all()]
    assert due == [str(number) for number in range(count)]
    assert labels.all() == ()

"""Labels come late, in order, and once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retread.demos.late_labels import LateLabels


@given(st.integers(0, 20), st.integers(0, 50))
def test_each_label_is_given_out_once_after_its_delay(delay: int, count: int) -> None:
    labels = LateLabels(delay)
    given_out: list[str] = []
    for number in range(count):
        labels.put(str(number), "good")
        given_out += [request_id for request_id, _ in labels.due()]
        assert len(given_out) == max(0, number + 1 - delay)
    given_out += [request_id for request_id, _ in labels.all()]
    assert given_out == [str(number) for number in range(count)]
    assert labels.all() == ()

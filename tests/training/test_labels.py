"""Labels, their order, and data that cannot be learned from."""

from __future__ import annotations

import pyarrow as pa
import pytest

from retread.core import InvalidInput
from retread.training.examples import Examples
from retread.training.labels import check_labels, ordered_labels


def rows(*labels: object) -> Examples:
    return Examples(pa.table({"_label": pa.array(labels)}), "sha256:")


def test_the_positive_label_of_two_comes_second() -> None:
    assert ordered_labels(("good", "bad"), "") == ("bad", "good")
    assert ordered_labels(("good", "bad"), "bad") == ("good", "bad")
    assert ordered_labels(("good", "bad"), "good") == ("bad", "good")
    assert ordered_labels(("c", "a", "b"), "a") == ("a", "b", "c")
    with pytest.raises(InvalidInput, match="positive_label is 'ugly'"):
        ordered_labels(("good", "bad"), "ugly")


def test_data_that_teaches_nothing_is_refused() -> None:
    both = rows("a", "b")
    check_labels(("a", "b"), both, both)
    with pytest.raises(InvalidInput, match="only the label 'a'"):
        check_labels(("a", "b"), rows("a", "a"), both)
    with pytest.raises(InvalidInput, match=r"no example labelled \['c'\]"):
        check_labels(("a", "b", "c"), both, both)
    with pytest.raises(InvalidInput, match="validation split has no rows"):
        check_labels(("a", "b"), both, rows())
    with pytest.raises(InvalidInput, match="training split has no rows"):
        check_labels(("a", "b"), rows(), both)


def test_targets_must_be_numbers_and_differ() -> None:
    check_labels((), rows(1.0, 2.0), rows(1.0))
    with pytest.raises(InvalidInput, match="only one target value"):
        check_labels((), rows(1.0, 1.0), rows(1.0))
    for broken in (None, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="missing or infinite"):
            check_labels((), rows(1.0, 2.0), rows(1.0, broken))

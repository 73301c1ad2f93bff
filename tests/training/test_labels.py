"""Labels, their order, and data that cannot be learned from."""

from __future__ import annotations

import pyarrow as pa
import pytest

from retread.core import InvalidInput
from retread.training.examples import Examples
from retread.training.labels import check_labels, check_rows, ordered_labels


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
    check_labels(("a", "b"), both, "Add more.")
    with pytest.raises(InvalidInput, match=r"only the label 'a'.*Add more"):
        check_labels(("a", "b"), rows("a", "a"), "Add more.")
    with pytest.raises(InvalidInput, match=r"no example labelled \['c'\].*Add more"):
        check_labels(("a", "b", "c"), both, "Add more.")
    with pytest.raises(InvalidInput, match="only one target value"):
        check_labels((), rows(1.0, 1.0), "Add more.")


def test_a_split_has_rows_and_targets_that_are_numbers() -> None:
    check_rows("validation", rows("a"), ("a", "b"))
    check_rows("validation", rows(1.0), ())
    with pytest.raises(InvalidInput, match="validation split has no rows"):
        check_rows("validation", rows(), ("a", "b"))
    for broken in (None, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match=r"training split.*missing or infinite"):
            check_rows("training", rows(1.0, broken), ())

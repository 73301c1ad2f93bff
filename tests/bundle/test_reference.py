"""The reference profile is bounded, whatever the table holds."""

from __future__ import annotations

import numpy as np
import pytest

from retread.bundle import (
    Reference,
    Texts,
    decode_reference,
    encode_reference,
    like_reference,
    reference_rows,
    texts,
)
from retread.bundle.reference import LONGEST_TEXT, MAX_BYTES, OTHER_CATEGORIES


def reference(numeric: int, categorical: int, embedding: int, values: list[str]) -> Reference:
    """Return a reference with as many rows as it may have."""
    rows = reference_rows(numeric, categorical, embedding)
    column = texts([values[index % len(values)] for index in range(rows)])
    return Reference(
        numeric={
            f"n{index}": np.random.default_rng(index).random(rows) for index in range(numeric)
        },
        categorical={f"c{index}": column for index in range(categorical)},
        embedding=np.zeros((rows, embedding), dtype=np.float32),
        groups=np.arange(rows),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numeric", "categorical", "embedding"), [(20, 8, 0), (400, 0, 0), (8, 0, 2048), (0, 300, 0)]
)
def test_e23_a_reference_takes_at_most_ten_megabytes(
    numeric: int, categorical: int, embedding: int
) -> None:
    values = [f"{index} {'long text ' * 40}" for index in range(5000)]
    made = reference(numeric, categorical, embedding, values)
    assert len(encode_reference(made)) <= MAX_BYTES


def test_e23_one_long_text_does_not_widen_the_others() -> None:
    values: Texts = texts(["ok"] * 9_999 + ["log line; " * 10_000])
    made = Reference({}, {"note": values}, np.zeros((10_000, 0), np.float32))
    content = encode_reference(made)
    assert len(content) < 200_000
    found = decode_reference(content).categorical["note"]
    assert found[0] == "ok"
    assert len(found[-1]) == LONGEST_TEXT


def test_e22_rare_categories_share_one() -> None:
    common = [f"common {index}" for index in range(20) for _ in range(50)]
    rare = [f"rare {index}" for index in range(3000)]
    made = Reference({}, {"code": texts(common + rare)}, np.zeros((4000, 0), np.float32))
    found = decode_reference(encode_reference(made)).categorical["code"]
    assert list(found[:1000]) == common
    assert len(set(found.tolist())) == 1000
    assert (found == OTHER_CATEGORIES).sum() == 3000 - 979
    assert like_reference(["common 3", "never seen"], found) == ["common 3", OTHER_CATEGORIES]


def test_texts_that_are_cut_stay_apart() -> None:
    long = ["x" * 5000 + end for end in "ab"]
    known = texts(["short", *long])
    short = like_reference(long, known)
    assert short[0] != short[1]
    assert like_reference(short, known) == short

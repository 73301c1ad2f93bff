"""Texts of any kind survive an npz file, and nothing else that would need pickle does."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.bundle.arrays import pack_arrays, texts, unpack_arrays

ANY_TEXT = st.text(st.characters() | st.sampled_from("\ud800\udfff\0"), max_size=6)


@given(st.lists(st.text("ab0", max_size=4)) | st.lists(ANY_TEXT))
def test_size_texts_come_back_as_they_were(values: list[str]) -> None:
    found = unpack_arrays(io.BytesIO(pack_arrays(a=texts(values), b=np.arange(3))))
    assert found["a"].tolist() == values
    assert found["b"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("value", [1, None, b"a", 1.5])
def test_size_objects_that_are_not_texts_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="'a' contains objects other than texts"):
        pack_arrays(a=texts(["b", value]))

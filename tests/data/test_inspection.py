"""Inspect single images: what is accepted can be trained on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retread.bundle import decode_image
from retread.core import InvalidInput
from retread.data.images import inspection
from retread.data.images.inspection import HEIGHT, WIDTH, thumbnail


def pixels(*shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", /, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PHOTO = encoded(pixels(48, 64, 3))


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (pixels(301, 501, 3), {}),
        (pixels(301, 501), {}),
        (pixels(301, 501, 3), {"progressive": True}),
        (pixels(301, 501, 3), {"subsampling": 0}),
        (pixels(3, 5, 3), {}),
    ],
    ids=["colour", "grey", "progressive", "full colour", "tiny"],
)
def test_the_fast_path_for_jpeg_gives_the_same_as_pillow(
    image: Image.Image, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(image, **options)
    fast = thumbnail(content)
    monkeypatch.setattr(inspection, "_thumbnail_of_jpeg", lambda _: None)
    assert fast == thumbnail(content)
    assert fast[0] == image.size
    assert len(fast[1]) == WIDTH * HEIGHT


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("RGB", "WEBP")]
)
def test_other_kinds_of_images_are_read_too(mode: str, kind: str) -> None:
    size, grey = thumbnail(encoded(pixels(60, 90, 3).convert(mode), kind))
    assert (size, len(grey)) == ((90, 60), WIDTH * HEIGHT)


def test_16_bit_grey_looks_like_its_upper_8_bits() -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (60, 90), dtype=np.uint16)
    shallow = Image.fromarray((deep >> 8).astype(np.uint8))
    assert thumbnail(encoded(Image.fromarray(deep), "PNG")) == thumbnail(encoded(shallow, "PNG"))


@given(
    cut=st.integers(0, len(PHOTO)),
    flips=st.dictionaries(st.integers(0, 2000), st.binary(min_size=1, max_size=1)),
)
def test_an_accepted_image_can_be_decoded_for_training(cut: int, flips: dict[int, bytes]) -> None:
    content = bytearray(PHOTO[:cut])
    for i, value in flips.items():
        content[i : i + 1] = value
    try:
        thumbnail(bytes(content))
    except InvalidInput:
        return
    decode_image(bytes(content), 32)

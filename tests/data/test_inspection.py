"""Inspect single images: what is accepted can be trained on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retread.bundle import ImageRules, decode_image
from retread.core import InvalidInput
from retread.data.images import thumbnail as thumbnails
from retread.data.images.thumbnail import HEIGHT, WIDTH, thumbnail


def pixels(*shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", /, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PHOTO = encoded(pixels(48, 64, 3))
RULES = ImageRules()


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
    fast = thumbnail(content, RULES)
    monkeypatch.setattr(thumbnails, "_thumbnail_of_jpeg", lambda _: None)
    assert fast == thumbnail(content, RULES)
    assert fast.size == image.size
    assert len(fast.grey) == WIDTH * HEIGHT


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("RGB", "WEBP")]
)
def test_other_kinds_of_images_are_read_too(mode: str, kind: str) -> None:
    seen = thumbnail(encoded(pixels(60, 90, 3).convert(mode), kind), RULES)
    assert (seen.size, len(seen.grey)) == ((90, 60), WIDTH * HEIGHT)


def test_16_bit_grey_looks_like_its_upper_8_bits() -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (60, 90), dtype=np.uint16)
    shallow = Image.fromarray((deep >> 8).astype(np.uint8))
    seen = thumbnail(encoded(Image.fromarray(deep), "PNG"), RULES)
    assert seen.grey == thumbnail(encoded(shallow, "PNG"), RULES).grey
    assert seen.peak == deep.max()


@given(
    cut=st.integers(0, len(PHOTO)),
    flips=st.dictionaries(st.integers(0, 2000), st.binary(min_size=1, max_size=1)),
)
def test_an_accepted_image_can_be_decoded_for_training(cut: int, flips: dict[int, bytes]) -> None:
    content = bytearray(PHOTO[:cut])
    for i, value in flips.items():
        content[i : i + 1] = value
    try:
        thumbnail(bytes(content), RULES)
    except InvalidInput:
        return
    decode_image(bytes(content), 32)

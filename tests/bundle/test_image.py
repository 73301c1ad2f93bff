from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retread.bundle import MAX_PIXELS, STATISTICS, decode_image, image_statistics
from retread.core import InvalidInput


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims width x height pixels, but which contains almost none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
PHOTO = Image.fromarray(NOISE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_format_becomes_an_array(kind: str, mode: str) -> None:
    pixels = decode_image(encoded(PHOTO.convert(mode), kind), 32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "LA"])
def test_other_modes_become_rgb(mode: str) -> None:
    assert decode_image(encoded(PHOTO.convert(mode)), 16).shape == (16, 16, 3)


def test_greyscale_with_16_bits_keeps_the_upper_8() -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (40, 60), dtype=np.uint16)
    shallow = Image.fromarray((deep >> 8).astype(np.uint8))
    np.testing.assert_array_equal(
        decode_image(encoded(Image.fromarray(deep)), 24), decode_image(encoded(shallow), 24)
    )


def test_decoding_is_deterministic() -> None:
    content = encoded(PHOTO, "JPEG")
    np.testing.assert_array_equal(decode_image(content, 24), decode_image(content, 24))
    flat = decode_image(encoded(Image.new("RGB", (300, 200), (10, 20, 30))), 8)
    assert (flat == [10, 20, 30]).all()


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="13300 x 13300 pixels"):
            decode_image(png_claiming(13_300, 13_300), 64)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("side", [2**31 - 1, 65_536])
def test_absurd_headers_are_refused(side: int) -> None:
    with pytest.raises(InvalidInput):
        decode_image(png_claiming(side, side), 64)
    assert side * side > MAX_PIXELS


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(kind: str, share: float) -> None:
    content = encoded(PHOTO, kind)
    with pytest.raises(InvalidInput, match="cannot be read"):
        decode_image(content[: int(len(content) * share)], 32)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PPM"])
def test_other_formats_are_refused_by_name(kind: str) -> None:
    with pytest.raises(InvalidInput, match=r"not recognised.*JPEG, PNG, WEBP, BMP"):
        decode_image(encoded(PHOTO, kind), 32)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_image(content, 32)


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]))
def test_a_damaged_image_is_decoded_or_refused(data: st.DataObject, kind: str) -> None:
    content = bytearray(encoded(PHOTO, kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode_image(bytes(content), 16)
    except InvalidInput:
        return
    assert pixels.shape == (16, 16, 3)


def test_statistics_reflect_what_changed() -> None:
    grey = np.full((32, 32, 3), 100, np.uint8)
    quiet = image_statistics(grey)
    assert tuple(quiet) == STATISTICS
    assert quiet["contrast"] == pytest.approx(0, abs=1e-6)
    assert quiet["brightness"] == pytest.approx(100 / 255, abs=1e-4)
    assert image_statistics(grey + np.uint8(50))["brightness"] > quiet["brightness"]
    red = grey.copy()
    red[..., 0] = 200
    assert image_statistics(red)["saturation"] > quiet["saturation"]
    assert image_statistics(red)["red"] > quiet["red"]
    noisy = image_statistics(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    assert noisy["sharpness"] > quiet["sharpness"]
    assert all(0 <= value <= 1 for value in noisy.values())

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from retread.bundle import MAX_PIXELS, STATISTICS, ImageRules, decode_image, image_statistics
from retread.core import InvalidInput

KINDS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM"]


def encoded(image: Image.Image, kind: str = "PNG", /, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
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


@pytest.mark.parametrize("kind", KINDS)
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


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


STORED = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.ROTATE_270, Image.Transpose.FLIP_LEFT_RIGHT],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT],
    8: [Image.Transpose.ROTATE_270],
}
"""How a camera held so stores an upright scene, by EXIF Orientation (TIFF 6.0, page 36)."""


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_e02_photos_are_turned_as_exif_says(kind: str, orientation: int) -> None:
    stored = PHOTO
    for turn in STORED[orientation]:
        stored = stored.transpose(turn)
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(stored, kind, exif=oriented(orientation), **lossless)
    np.testing.assert_array_equal(decode_image(content, 32), decode_image(encoded(PHOTO), 32))


@pytest.mark.parametrize("orientation", STORED)
def test_e02_photos_of_phones_are_turned_before_they_are_shrunk(orientation: int) -> None:
    wide = Image.linear_gradient("L").resize((640, 480))
    stored = wide
    for turn in STORED[orientation]:
        stored = stored.transpose(turn)
    content = encoded(stored, "JPEG", quality=95, exif=oriented(orientation))
    upright = decode_image(encoded(wide, "JPEG", quality=95), 32).astype(int)
    assert abs(decode_image(content, 32).astype(int) - upright).max() <= 3


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage"]
)
def test_e02_damaged_metadata_leave_a_photo_as_it_is_stored(exif: bytes) -> None:
    content = encoded(PHOTO, "JPEG", exif=exif)
    np.testing.assert_array_equal(
        decode_image(content, 32), decode_image(encoded(PHOTO, "JPEG"), 32)
    )


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_e02_an_orientation_that_exif_does_not_know_turns_nothing(orientation: int) -> None:
    content = encoded(PHOTO, "PNG", exif=oriented(orientation))
    np.testing.assert_array_equal(decode_image(content, 32), decode_image(encoded(PHOTO), 32))


def drawing(mode: str, ink: int) -> Image.Image:
    """A square of `ink` on nothing, whose hidden pixels are black."""
    alpha = np.zeros((32, 32), np.uint8)
    alpha[8:24, 8:24] = 255
    layers = [np.where(alpha > 0, ink, 0).astype(np.uint8)] * 3 + [alpha]
    image = Image.fromarray(np.dstack(layers))
    if mode == "P":
        image = image.quantize(4)
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "WEBP"),
        ("RGBA", "GIF"),
        ("RGBA", "TIFF"),
    ],
)
def test_e03_transparent_pixels_take_the_background(mode: str, kind: str) -> None:
    content = encoded(drawing(mode, ink=0), kind)
    seen = decode_image(content, 32)
    assert seen[0, 0].min() >= 250
    assert seen[16, 16].max() <= 5
    blue = decode_image(content, 32, ImageRules(background="#0000ff"))
    assert abs(blue[0, 0].astype(int) - (0, 0, 255)).max() <= 5


def test_e03_one_transparent_colour_takes_the_background() -> None:
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    seen = decode_image(encoded(image, "PNG", transparency=(1, 2, 3)), 8)
    assert (seen[4, 4] == 255).all()
    assert (seen[0, 0] == 9).all()


def test_e03_half_transparent_ink_is_half_seen() -> None:
    seen = decode_image(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128))), 8)
    assert abs(seen.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_e04_a_depth_says_which_bits_are_read(kind: str, depth: int) -> None:
    deep = np.random.default_rng(1).integers(0, 2**depth, (40, 60), dtype=np.uint16)
    shallow = Image.fromarray((deep >> (depth - 8)).astype(np.uint8))
    content = encoded(Image.fromarray(deep), kind)
    np.testing.assert_array_equal(
        decode_image(content, 24, ImageRules(depth=depth)), decode_image(encoded(shallow), 24)
    )


def test_e04_values_beyond_the_depth_are_white_and_not_black() -> None:
    deep = Image.fromarray(np.full((8, 8), 4096, np.uint16))
    assert (decode_image(encoded(deep), 8, ImageRules(depth=12)) == 255).all()


@pytest.mark.parametrize(
    ("pixels", "problem"),
    [
        (np.full((8, 8), 0.5, np.float32), "fractions"),
        (np.full((8, 8), 70_000, np.int32), "70000"),
        (np.full((8, 8), -1, np.int32), "-1"),
    ],
)
def test_e04_pixels_that_are_no_grey_levels_are_refused(
    pixels: npt.NDArray[Any], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=f"{problem}.*8 or 16 bits"):
        decode_image(encoded(Image.fromarray(pixels), "TIFF"), 8)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_a_sequence_is_decoded(kind: str) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    content = encoded(first, kind, save_all=True, append_images=[second])
    red, _, blue = decode_image(content, 8)[4, 4]
    assert red > 240
    assert blue < 15


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_print_colours_become_rgb(kind: str) -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red, green, blue = decode_image(encoded(cmyk, kind), 8)[4, 4]
    assert red > 240
    assert max(green, blue) < 15


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(kind: str, share: float) -> None:
    content = encoded(PHOTO, kind)
    with pytest.raises(InvalidInput, match="cannot be read"):
        decode_image(content[: int(len(content) * share)], 32)


@pytest.mark.parametrize("kind", ["JPEG2000", "ICO", "TGA"])
def test_other_formats_are_refused_by_name(kind: str) -> None:
    with pytest.raises(InvalidInput, match=r"not recognised.*JPEG, PNG, WEBP, BMP, GIF, TIFF"):
        decode_image(encoded(PHOTO, kind), 32)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_image(content, 32)


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(KINDS))
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

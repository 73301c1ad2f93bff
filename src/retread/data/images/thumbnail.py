"""A few grey pixels of an image: enough to know that it can be read, and what it looks like."""

from __future__ import annotations

import io

import simplejpeg
from PIL import Image, UnidentifiedImageError

from retread.bundle import FORMATS, MAX_PIXELS, eight_bits
from retread.core import InvalidInput

WIDTH, HEIGHT = 9, 8

Size = tuple[int, int]
"""Width and height in pixels."""

_JPEG = b"\xff\xd8\xff"
_GREY_INSIDE = ("YCbCr", "Gray")


def thumbnail(content: bytes) -> tuple[Size, bytes]:
    """The size of an image, and its grey values at WIDTH x HEIGHT, by row.

    The whole image is decoded. InvalidInput, with the bare reason as its message, when it is not
    one of FORMATS, broken, or larger than MAX_PIXELS.
    """
    try:
        return _of_sound_jpeg(content) or _of_any(content)
    except UnidentifiedImageError as error:
        raise InvalidInput("its format is not recognised") from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(str(error)) from error


def _of_sound_jpeg(content: bytes) -> tuple[Size, bytes] | None:
    """What Pillow would give, in two thirds of its time; None for what it has to judge."""
    if not content.startswith(_JPEG):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours not in _GREY_INSIDE or width * height > MAX_PIXELS:
            return None
        grey = simplejpeg.decode_jpeg(content, "GRAY", min_height=HEIGHT, min_width=WIDTH)
    except ValueError:
        return None
    return (width, height), _shrunk(Image.fromarray(grey[:, :, 0]))


def _of_any(content: bytes) -> tuple[Size, bytes]:
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()
    size = image.size
    # JPEG decodes to an eighth of its size here: five times faster than in full.
    image.draft("L", (WIDTH, HEIGHT))
    plain = eight_bits(image)
    return size, _shrunk(plain if plain.mode == "L" else plain.convert("L"))


def _shrunk(grey: Image.Image) -> bytes:
    return grey.resize((WIDTH, HEIGHT), Image.Resampling.BOX).tobytes()


def _too_large() -> InvalidInput:
    return InvalidInput(f"it has more than {MAX_PIXELS:,} pixels")

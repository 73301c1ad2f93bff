"""The one way an image becomes an array, in training and in serving alike."""

from __future__ import annotations

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from retread.core import InvalidInput

MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")

Pixels = npt.NDArray[np.uint8]
"""An image: uint8 [height, width, 3], RGB."""

STATISTICS = ("brightness", "contrast", "saturation", "sharpness", "red", "green", "blue")


def decode_image(content: bytes, size: int) -> Pixels:
    """Decode `content` and resize it to `size` x `size`; uint8 [size, size, 3], RGB.

    Raises InvalidInput for what is not a readable image, is truncated, or has more than
    MAX_PIXELS; the header is judged before anything is decoded.
    """
    with warnings.catch_warnings():
        # Pillow warns about large images; the pixel cap below is stricter.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_pixels(image.width, image.height)
                image.draft("RGB", (size, size))
                resized = (
                    eight_bits(image)
                    .convert("RGB")
                    .resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
                )
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _unreadable(error) from error
    return np.asarray(resized)


def eight_bits(image: Image.Image) -> Image.Image:
    """`image` with 8 bits a channel: of 16 the upper ones, as Pillow reads colours.

    Of grey with 16 bits Pillow would make all but the darkest white.
    """
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def image_statistics(pixels: Pixels) -> dict[str, float]:
    """Light, colour and focus of an image, each in 0..1 (sharpness: mean absolute gradient)."""
    scaled = pixels.astype(np.float32) / 255.0
    grey = scaled @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    red, green, blue = (float(v) for v in scaled.mean(axis=(0, 1)))
    gradient = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return {
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "saturation": float((scaled.max(axis=2) - scaled.min(axis=2)).mean()),
        "sharpness": float(gradient),
        "red": red,
        "green": green,
        "blue": blue,
    }


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidInput(
            f"The image has {width} x {height} pixels, more than {MAX_PIXELS:,}.",
            "Send a smaller image.",
        )


def _unreadable(error: Exception) -> InvalidInput:
    reason = "its format is not recognised" if isinstance(error, UnidentifiedImageError) else error
    return InvalidInput(
        f"The image cannot be read: {reason}.", f"Send one of: {', '.join(FORMATS)}."
    )

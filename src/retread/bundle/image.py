"""Decoding of images, which is the same in training and in serving."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from retread.bundle.image_bounds import TimedFile, check_bounds
from retread.core import InvalidInput

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")

Pixels = npt.NDArray[np.uint8]
"""An RGB image: uint8 [height, width, 3]."""

STATISTICS = ("brightness", "contrast", "saturation", "sharpness", "red", "green", "blue")
"""Names of what `image_statistics` returns."""


def decode_image(content: bytes, size: int) -> Pixels:
    """Decode an image and resize it.

    The numbers of pixels and scans are checked before anything is decoded; see `image_bounds`.

    Args:
        content: An image file in one of FORMATS.
        size: Width and height of the result.

    Returns:
        RGB values, uint8 [size, size, 3].

    Raises:
        InvalidInput: `content` is not a complete image in one of FORMATS, or has more than
            MAX_PIXELS pixels, too many scans, or takes too long.
    """
    with warnings.catch_warnings():
        # Pillow warns about large images, but the limit below is stricter.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(TimedFile(content), formats=FORMATS) as image:
                check_bounds(content, image.width, image.height)
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
    """Reduce a greyscale image with 16 bits per channel to the upper 8 bits.

    Pillow does so for colour images itself, but turns almost all of a greyscale image white.
    """
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def image_statistics(pixels: Pixels) -> dict[str, float]:
    """Compute the STATISTICS of an image, each between 0 and 1.

    Brightness, colours and saturation are means, contrast is a standard deviation, and sharpness
    is the mean absolute gradient.
    """
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


def _unreadable(error: Exception) -> InvalidInput:
    reason = "its format is not recognised" if isinstance(error, UnidentifiedImageError) else error
    return InvalidInput(
        f"The image cannot be read: {reason}.", f"Send one of: {', '.join(FORMATS)}."
    )

"""Decoding of images, which is the same in training and in serving."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from retread.bundle.image_bounds import TimedFile, check_bounds, decoding_deadline
from retread.core import InvalidInput, RetreadError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")

Pixels = npt.NDArray[np.uint8]
"""An RGB image: uint8 [height, width, 3]."""

FULL_DEPTH = 16
"""The number of bits that a deep image has room for."""

_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

STATISTICS = ("brightness", "contrast", "saturation", "sharpness", "red", "green", "blue")
"""Names of what `image_statistics` returns."""


class ImageRules(msgspec.Struct, frozen=True, kw_only=True):
    """How image files become pixels, where the files leave it open.

    Attributes:
        depth: The number of bits that greyscale images with 16 bits use, 8..16.
        background: The colour behind transparent pixels, `#rrggbb`.
    """

    depth: int = FULL_DEPTH
    background: str = "#ffffff"


AS_STORED = ImageRules()
"""All 16 bits of deep images, and a white background."""


def decode_image(
    content: bytes, size: int, rules: ImageRules = AS_STORED, deadline: float | None = None
) -> Pixels:
    """Decode an image as a person sees it, and resize it.

    The numbers of pixels and scans are checked before anything is decoded; see `image_bounds`. Of
    a file with several frames, the first is decoded.

    Args:
        content: An image file in one of FORMATS.
        size: Width and height of the result.
        rules: How to read what the file leaves open.
        deadline: When this thread's time ends, if there are more images; see `decoding_deadline`.

    Returns:
        RGB values, uint8 [size, size, 3].

    Raises:
        InvalidInput: `content` is not a complete image in one of FORMATS, or has more than
            MAX_PIXELS pixels, too many scans, or takes too long.
    """
    with warnings.catch_warnings():
        # Pillow warns about large images, but the limit below is stricter; and about metadata.
        warnings.simplefilter("ignore")
        try:
            file = TimedFile(content, deadline or decoding_deadline())
            with Image.open(file, formats=FORMATS) as image:
                check_bounds(content, image.width, image.height)
                image.draft("RGB", (size, size))
                resized = (
                    as_seen(image, rules)
                    .convert("RGB")
                    .resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
                )
        except (RetreadError, MemoryError):
            raise
        except Exception as error:
            # Pillow's readers fail on damaged files with whatever error comes first.
            raise _unreadable(error) from error
    return np.asarray(resized)


def as_seen(image: Image.Image, rules: ImageRules) -> Image.Image:
    """Return an image upright, opaque and with 8 bits per channel, in grey or RGB.

    Raises:
        InvalidInput: Its pixels are not whole numbers of up to 16 bits.
    """
    image.load()
    # Pillow turns a TIFF while it loads it; before that it would be turned twice.
    orientation = orientation_of(image)
    if image.mode in _DEEP:
        image = _eight_bits(image, rules.depth)
    elif image.mode == "F":
        raise InvalidInput(
            "The image has fractions as pixels.", "Save it with 8 or 16 bits per channel."
        )
    elif image.has_transparency_data:
        image = _opaque(image, rules.background)
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return turned(image, orientation)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF Orientation of an image, 1..8; 1 is upright, as is one without any."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        # Viewers, too, show an image with damaged metadata as it is stored.
        return 1
    return orientation if orientation in _TURNS else 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright, given its EXIF Orientation."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _eight_bits(image: Image.Image, depth: int) -> Image.Image:
    """Reduce a deep greyscale image to the upper 8 of the bits that it uses.

    Pillow does so for colour images itself, but turns almost all of a greyscale image white.
    """
    values = np.asarray(image)
    if values.min() < 0 or values.max() >= 2**FULL_DEPTH:
        raise InvalidInput(
            f"The image has values from {values.min()} to {values.max()}, not from 0 to 65535.",
            "Save it with 8 or 16 bits per channel.",
        )
    return Image.fromarray(np.minimum(values >> (depth - 8), 255).astype(np.uint8))


def _opaque(image: Image.Image, background: str) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, background), layer).convert("RGB")


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

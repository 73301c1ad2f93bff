"""How many pixels one request may ask for, judged by the images' headers."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

from PIL import Image

from retread.bundle.image import FORMATS, MAX_PIXELS
from retread.serving.errors import TooLarge


def check_pixels(files: Sequence[bytes], size: int) -> None:
    """TooLarge when decoding `files` to `size` x `size` would take more than MAX_PIXELS in all;
    a single one is for the decoder to judge."""
    if len(files) == 1:
        return
    total = 0
    for content in files:
        total += max(_pixels(content), size * size)
        if total > MAX_PIXELS:
            raise TooLarge(
                f"The {len(files)} images of the request have more than {MAX_PIXELS:,} pixels.",
                "Send fewer at once.",
            )


def _pixels(content: bytes) -> int:
    """What the header says; 0 for what the decoder will refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return image.width * image.height
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return 0

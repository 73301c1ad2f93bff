"""How image files are called."""

from __future__ import annotations

import io

from PIL import Image

from retread.bundle import FORMATS

_BY_FORMAT = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp"}

SUFFIXES = (*_BY_FORMAT.values(), ".jpeg")
"""Endings by which the images of a folder are known."""


def suffix_of(content: bytes) -> str:
    """The ending for a file with this image, by its format."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # Phones make MPO files: JPEG, with more behind it.
        return _BY_FORMAT.get(str(image.format), ".jpg")

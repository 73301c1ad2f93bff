"""Small pictures and folders of them, as they are found in the field."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from retread.data import SourceExamples
from retread.data.read_source import read_source
from retread.data.source import SourceRequest
from retread.data.store import LABEL, SOURCE
from retread.project.settings import DataSection

Content = bytes | str
Files = Mapping[str, Content]
"""Contents by path."""


def picture(seed: int, side: int = 24) -> Image.Image:
    """Return a picture that resembles no other."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", /, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(seed: int, kind: str = "PNG", **options: object) -> bytes:
    return encoded(picture(seed), kind, **options)


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def photos(*names: str, first: int = 0, make: Callable[[int], bytes] = photo) -> dict[str, Content]:
    """Return a different photo for each name."""
    return {name: make(first + number) for number, name in enumerate(names)}


def numbered(pattern: str, count: int = 6, first: int = 0) -> dict[str, Content]:
    """Return photos whose names hold a number.

    >>> list(numbered("good/{}.png", count=2))
    ['good/0.png', 'good/1.png']
    """
    return photos(*(pattern.format(number) for number in range(count)), first=first)


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder: Path, labels: str = "folder", **settings: Any) -> SourceExamples:
    """Read a folder of images as `data add` does."""
    section = DataSection.model_validate(settings)
    return read_source(SourceRequest(source=folder, labels=labels, settings=section))


def labels_by_name(examples: SourceExamples) -> dict[str, str]:
    rows = examples.rows
    return dict(zip(rows[SOURCE].to_pylist(), rows[LABEL].to_pylist(), strict=True))

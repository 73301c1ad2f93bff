"""Bounds of the work that one image may ask for."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from retread.bundle import decode_image, image_bounds
from retread.bundle.image_bounds import (
    LARGE,
    TimedFile,
    check_bounds,
    decoding_deadline,
    scan_count,
    work_of,
)
from retread.core import InvalidInput


def jpeg(width: int, height: int, *, progressive: bool = True) -> bytes:
    file = io.BytesIO()
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.save(file, "JPEG", progressive=progressive, quality=50)
    return file.getvalue()


def with_repeated_scan(content: bytes, times: int) -> bytes:
    """Return a progressive JPEG whose last scan is there `times` more."""
    start = content.rindex(b"\xff\xda")
    return content[:-2] + content[start:-2] * times + content[-2:]


@pytest.mark.parametrize(("progressive", "scans"), [(True, 10), (False, 1)])
def test_scans_are_counted_without_decoding(progressive: bool, scans: int) -> None:
    content = jpeg(300, 200, progressive=progressive)
    assert scan_count(content) == scans
    assert scan_count(with_repeated_scan(content, 20)) == scans + 20
    assert scan_count(content[:-100]) <= scans


def test_the_scans_of_a_thumbnail_are_not_those_of_the_image() -> None:
    content = jpeg(300, 200)
    thumbnail = b"\xff\xe1" + (2 + 40).to_bytes(2, "big") + b"\xff\xda\x00\x08" * 10
    assert scan_count(content[:2] + thumbnail + content[2:]) == 10


@pytest.mark.parametrize("times", [200, 5000, 100_000])
def test_a02_a_jpeg_of_very_many_scans_is_refused_at_once(times: int) -> None:
    bomb = with_repeated_scan(jpeg(64, 64), times)
    start = time.thread_time()
    with pytest.raises(InvalidInput, match="more than 100 scans"):
        decode_image(bomb, 32)
    assert time.thread_time() - start < 1.0


def test_a02_scans_weigh_by_their_pixels() -> None:
    content = with_repeated_scan(jpeg(64, 64), 40)
    check_bounds(content, 64, 64)
    with pytest.raises(InvalidInput, match="has 50 scans"):
        check_bounds(content, 7000, 7000)
    with pytest.raises(InvalidInput, match="more than the allowed 50,000,000"):
        check_bounds(content, 7100, 7100)
    assert work_of(content, 1000, 1000) > LARGE
    assert work_of(jpeg(64, 64), 1000, 1000) < LARGE


def test_a02_the_time_of_a_decoder_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_bounds, "MAX_DECODING_S", -1.0)
    with pytest.raises(InvalidInput, match="takes more"):
        TimedFile(b"abc", decoding_deadline()).read(1)
    with pytest.raises(InvalidInput, match="takes more"):
        decode_image(jpeg(64, 64), 32)


def test_usual_photos_pass() -> None:
    for content in (jpeg(1200, 900), jpeg(1200, 900, progressive=False)):
        assert decode_image(content, 32).shape == (32, 32, 3)

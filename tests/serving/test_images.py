"""Images: as files, as tensors, and what is not an image."""

from __future__ import annotations

import base64
import io
import struct
import time
import zlib

import numpy as np
import pyarrow as pa
import pytest
from PIL import ExifTags, Image
from tests.bundles import IMAGE_SIZE
from tests.serving.running import Server, until

from retread.bundle import (
    STATISTICS,
    ImageInput,
    ImageRules,
    decode_image,
    image_bounds,
    image_statistics,
)
from retread.bundle.image_bounds import decoding_deadline
from retread.core import InvalidInput
from retread.data.images import measure_image
from retread.serving.rows import check_pixels, decode_images, has_large_image
from retread.serving.tensors import TooLarge
from retread.training.inputs import decode_rows

INFER = "/v2/models/iris/infer"


def picture(value: int, kind: str = "JPEG", size: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (value, value, value)).save(buffer, kind)
    return buffer.getvalue()


def label(server: Server, content: bytes, media_type: str = "image/jpeg") -> str:
    answer = server.http.post(INFER, content=content, headers={"content-type": media_type})
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["outputs"][1]["data"][0]
    return found


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp", "gif", "tiff", "avif"])
def test_an_image_file_can_be_the_body(images: Server, kind: str) -> None:
    assert label(images, picture(230, kind.upper()), f"image/{kind}") == "bright"
    assert label(images, picture(10, kind.upper()), f"image/{kind}") == "dark"


def turned_photo() -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.linear_gradient("L").resize((90, 60)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def odd_files() -> dict[str, bytes]:
    ramp = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    clear = np.zeros((32, 32, 4), np.uint8)
    clear[8:24, 8:24, 3] = 255
    files = {}
    for name, pixels in (("deep", ramp), ("transparent", clear)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        files[name] = buffer.getvalue()
    return {**files, "turned": turned_photo(), "tiff": picture(90, "TIFF")}


RULES = [ImageRules(), ImageRules(depth=12, background="#00ff00")]


@pytest.mark.parametrize("rules", RULES, ids=["default", "others"])
@pytest.mark.parametrize("content", odd_files().values(), ids=odd_files())
def test_e02_e03_e04_photos_are_decoded_as_in_training(content: bytes, rules: ImageRules) -> None:
    image = ImageInput(size=32, rules=rules)
    served = decode_images([content], image).pixels
    trained = decode_rows(pa.table({"image": pa.array([content], pa.binary())}), image)
    assert served is not None
    np.testing.assert_array_equal(served, trained)
    seen = measure_image(content, rules)
    assert seen == tuple(image_statistics(decode_image(content, 64, rules)).values())


def test_e03_a_drawing_on_transparency_is_bright(images: Server) -> None:
    assert label(images, odd_files()["transparent"], "image/png") == "bright"


def test_pixels_and_base64_files_get_the_same_prediction(images: Server) -> None:
    flat = [200] * (IMAGE_SIZE * IMAGE_SIZE * 3)
    shape = [1, IMAGE_SIZE, IMAGE_SIZE, 3]
    pixels = {"name": "image", "shape": shape, "datatype": "UINT8", "data": flat}
    files = [base64.b64encode(picture(200)).decode(), base64.b64encode(picture(10)).decode()]
    encoded = {"name": "image", "shape": [2], "datatype": "BYTES", "data": files}
    assert images.infer({"inputs": [pixels]}).json()["outputs"][1]["data"] == ["bright"]
    both = images.infer({"inputs": [encoded]}).json()["outputs"]
    assert both[1]["data"] == ["bright", "dark"]
    assert [output["name"] for output in both] == ["probabilities", "label"]


def test_the_embedding_is_returned_on_request(images: Server) -> None:
    encoded = base64.b64encode(picture(200)).decode()
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [encoded]}
    request = {"inputs": [tensor], "outputs": [{"name": "embedding"}]}
    (output,) = images.infer(request).json()["outputs"]
    assert output["shape"] == [1, 3]
    assert output["data"] == pytest.approx([200 / 255] * 3, abs=0.01)


def test_statistics_embedding_and_payload_are_recorded(images: Server) -> None:
    content = picture(120)
    headers = {"content-type": "image/jpeg", "x-request-id": "photo-1"}
    images.http.post(INFER, content=content, headers=headers)
    log = images.served.traffic
    until(lambda: log.find("photo-1") is not None, "the photo is recorded")
    record = log.find("photo-1")
    assert record is not None
    assert set(record.numeric) == set(STATISTICS)
    assert record.numeric["brightness"] == pytest.approx(120 / 255, abs=0.01)
    assert len(record.embedding) == 3
    assert log.payload(record.payload) == content


def decompression_bomb() -> bytes:
    """Make a PNG of 8,000 x 8,000 pixels with a few hundred bytes of data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", 8_000, 8_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"not an image", "cannot be read"),
        (picture(10)[:200], "cannot be read"),
        (picture(10, "PNG")[:60], "cannot be read"),
        (b"GIF89a" + bytes(100), "cannot be read"),
        (decompression_bomb(), "more than the allowed 50,000,000"),
    ],
    ids=["empty", "text", "cut JPEG", "cut PNG", "GIF", "decompression bomb"],
)
def test_what_is_not_an_image_gets_400(images: Server, content: bytes, message: str) -> None:
    answer = images.http.post(INFER, content=content, headers={"content-type": "image/jpeg"})
    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.parametrize(
    ("shape", "datatype", "data"),
    [
        ([1], "BYTES", ["no base64!"]),
        ([1], "BYTES", [1]),
        ([1, 2, 2, 3], "UINT8", [0] * 12),
        ([1, IMAGE_SIZE, IMAGE_SIZE, 3], "UINT8", [256] * (IMAGE_SIZE * IMAGE_SIZE * 3)),
        ([1, IMAGE_SIZE, IMAGE_SIZE, 3], "UINT8", [0.5] * (IMAGE_SIZE * IMAGE_SIZE * 3)),
        ([1, IMAGE_SIZE, IMAGE_SIZE, 3], "UINT8", [None] * (IMAGE_SIZE * IMAGE_SIZE * 3)),
    ],
    ids=["not base64", "not text", "wrong size", "above 255", "fractions", "missing"],
)
def test_wrong_image_tensors_get_400(
    images: Server, shape: list[int], datatype: str, data: list[object]
) -> None:
    tensor = {"name": "image", "shape": shape, "datatype": datatype, "data": data}
    assert images.infer({"inputs": [tensor]}).status_code == 400


@pytest.mark.slow
def test_the_pixels_of_a_request_are_limited_in_all(images: Server) -> None:
    """The headers are checked before anything is decoded."""
    buffer = io.BytesIO()
    Image.new("1", (7000, 7000)).save(buffer, "PNG")
    large = base64.b64encode(buffer.getvalue()).decode()
    tensor = {"name": "image", "shape": [2], "datatype": "BYTES", "data": [large, large]}
    answer = images.infer({"inputs": [tensor]})
    assert answer.status_code == 413
    assert "50,000,000 pixels" in answer.json()["error"]
    one = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [large]}
    assert images.infer({"inputs": [one]}).status_code == 200


def test_tiny_images_count_by_the_size_they_are_decoded_to() -> None:
    tiny = picture(10, size=1)
    with pytest.raises(TooLarge, match="1000 images"):
        check_pixels([tiny] * 1000, 224, decoding_deadline())
    check_pixels([tiny] * 900, 224, decoding_deadline())


@pytest.mark.parametrize(
    ("kind", "content"),
    [(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000))), (b"tEXt", b"a\0b"), (b"IDAT", b"")],
    ids=["colour profiles", "texts", "empty parts"],
)
def test_a02_an_image_of_very_many_parts_is_large_and_bounded(
    kind: bytes, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = len(content).to_bytes(4, "big") + kind + content
    part += zlib.crc32(kind + content).to_bytes(4, "big")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    bomb = file.getvalue()[:33] + part * (2_000_000 // len(part)) + file.getvalue()[33:]
    assert has_large_image([bomb])
    assert has_large_image([file.getvalue(), bomb])
    assert not has_large_image([file.getvalue()] * 20)
    monkeypatch.setattr(image_bounds, "MAX_DECODING_S", 0.1)
    start = time.thread_time()
    with pytest.raises(InvalidInput):
        decode_images([bomb] * 5, ImageInput(size=16))
    assert time.thread_time() - start < 0.5

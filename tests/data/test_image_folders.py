"""Folders of photos as people have them: each is read rightly, or refused with place and cure."""

from __future__ import annotations

import os
import struct
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retread.core import InvalidInput
from retread.data import LABEL, SPLIT, DatasetStore
from retread.data.store import SOURCE

from .conftest import Adds
from .pictures import (
    Files,
    encoded,
    labels_by_name,
    numbered,
    oriented,
    photo,
    photos,
    picture,
    read,
    write,
)

PLAIN: Files = {**numbered("good/{}.png"), **numbered("bad/{}.png", first=50)}
KOREAN = "불량"


@dataclass(frozen=True)
class Case:
    """A folder and what is made of it: labels with counts, and words of the remarks."""

    files: Files
    labels: dict[str, int] = field(default_factory=lambda: {"good": 6, "bad": 6})
    told: tuple[str, ...] = ()


READ = {
    "plain": Case(PLAIN),
    "nested": Case({**PLAIN, **photos("good/cam 1/b/x.png", first=90)}, {"good": 7, "bad": 6}),
    "d12 one label in two Unicode forms": Case(
        {
            **numbered(unicodedata.normalize("NFC", KOREAN) + "/{}.png"),
            **numbered(unicodedata.normalize("NFD", KOREAN) + "/n{}.png", first=20),
            **numbered("good/{}.png", first=50),
        },
        {unicodedata.normalize("NFC", KOREAN): 12, "good": 6},
        ("2 folders are read as label '불량'",),
    ),
    "e27 no-break and zero-width spaces in labels": Case(
        {
            **numbered("bad\u200b/{}.png", count=2),
            **numbered("bad\u00a0/{}.png", count=2, first=10),
            **numbered(" bad/{}.png", count=2, first=20),
            **numbered("good/{}.png", first=50),
        },
        told=("3 folders are read as label 'bad'",),
    ),
    "d7 labels that are numbers": Case(
        {
            **numbered("9007199254740993/{}.png"),
            **numbered("9007199254740992/{}.png", first=20),
            **numbered("007/{}.png", first=40),
        },
        {"9007199254740993": 6, "9007199254740992": 6, "007": 6},
    ),
    "d14 litter of macOS": Case(
        {**PLAIN, "__MACOSX/good/._0.png": b"\0\5\x16\7", "good/.DS_Store": b"x", ".DS_Store": b""},
        told=("Passed over: 3", "1 __MACOSX", "2 .DS_Store"),
    ),
    "d14 AppleDouble files": Case(
        {**PLAIN, "good/._0.png": b"\0\5\x16\7", "bad/._1.png": b"\0\5\x16\7"}, told=("2 ._*",)
    ),
    "d14 thumbnails of Synology": Case(
        {**PLAIN, **photos("good/@eaDir/0.png/SYNOPHOTO_THUMB_M.png", "@eaDir/x.png", first=70)},
        told=("2 @eaDir",),
    ),
    "d14 thumbnails of Windows": Case(
        {**PLAIN, "good/Thumbs.db": b"x", "bad/desktop.ini": b"x", "bad/thumbs.db": b""},
        told=("1 Thumbs.db", "1 thumbs.db", "1 desktop.ini"),
    ),
    "d14 checkpoints of Jupyter": Case(
        {**PLAIN, **photos(".ipynb_checkpoints/a.png", "good/.ipynb_checkpoints/a.png", first=70)},
        told=("2 .ipynb_checkpoints",),
    ),
    "d14 bins": Case(
        {
            **PLAIN,
            **photos("#recycle/a.png", "lost+found/b.png", "$RECYCLE.BIN/c.png", first=70),
            **photos("@Recycle/d.png", "System Volume Information/e.png", first=80),
        },
        told=("1 #recycle", "1 lost+found", "1 $RECYCLE.BIN", "1 @Recycle"),
    ),
    "images beside the folders of labels": Case(
        {**PLAIN, **photos("a.png", "b.jpg", first=70)},
        told=("Left out: 2 images that lie in no folder of a label, such as a.png",),
    ),
    "d3 train and test": Case(
        {f"{split}/{name}": c for split in ("train", "test") for name, c in PLAIN.items()},
        {"good": 12, "bad": 12},
        ("The folders give the splits: train 12, evaluation 12.",),
    ),
    "d3 train, valid and test, in capitals": Case(
        {f"{split}/{name}": c for split in ("Train", "VALID", "Test") for name, c in PLAIN.items()},
        {"good": 18, "bad": 18},
        ("train 12, validation 12, evaluation 12",),
    ),
    "d3 a folder of the same name within": Case(
        {
            f"{split}/{name}": c
            for split in ("train/train", "test/test")
            for name, c in PLAIN.items()
        },
        {"good": 12, "bad": 12},
        ("train 12, evaluation 12",),
    ),
    "d3 splits below the labels": Case(
        {
            f"{label}/{split}/{n}.png": photo(100 * (label == "bad") + 10 * (split == "val") + n)
            for label in ("good", "bad")
            for split in ("train", "val")
            for n in range(3)
        },
        told=("train 6, validation 6",),
    ),
    "d3 a label that is called test": Case(
        {**PLAIN, **numbered("test/{}.png", first=80)}, {"good": 6, "bad": 6, "test": 6}
    ),
    "e05 other endings of formats that can be read": Case(
        {
            **photos("good/a.tif", "good/b.TIFF", make=lambda n: photo(n, "TIFF")),
            **photos("good/c.gif", first=10, make=lambda n: photo(n, "GIF")),
            **photos("good/d.jfif", "good/e.jpe", first=20, make=lambda n: photo(n, "JPEG")),
            **photos("good/f.bmp", first=30, make=lambda n: photo(n, "BMP")),
            **photos("bad/a.avif", first=40, make=lambda n: photo(n, "AVIF")),
            **photos("bad/b.webp", first=50, make=lambda n: photo(n, "WEBP")),
            **photos("bad/c.ppm", "bad/d.pgm", first=60, make=lambda n: photo(n, "PPM")),
            **photos("bad/e.png", "bad/f.jpeg", first=70),
        }
    ),
    "e05 no ending, or a wrong one": Case(
        {
            **photos("good/0001", "good/0002"),
            **photos("good/IMG_7", first=10, make=lambda n: photo(n, "JPEG")),
            **photos("good/a.dat", first=20, make=lambda n: photo(n, "TIFF")),
            **photos("good/a.heic", first=30, make=lambda n: photo(n, "JPEG")),
            **photos("good/x.0", first=40, make=lambda n: photo(n, "WEBP")),
            **numbered("bad/{}.jpg", first=50),
        }
    ),
    "e05 what is no image is counted by ending": Case(
        {**PLAIN, "good/0.txt": "0 0.1", "good/1.txt": "", "bad/a.json": "{}", "bad/README": "x"},
        told=("Left out: 4 files (2 .txt, 1 .json, 1 without ending) that are no images.",),
    ),
    "sequences": Case(
        {
            **PLAIN,
            "good/x.gif": encoded(
                picture(90), "GIF", save_all=True, append_images=[picture(91), picture(92)]
            ),
            "bad/y.tif": encoded(picture(93), "TIFF", save_all=True, append_images=[picture(94)]),
        },
        {"good": 7, "bad": 7},
        ("2 files have several frames or pages, such as bad/y.tif",),
    ),
    "e24 copies by Roboflow": Case(
        {
            **numbered("good/a_jpg.rf.{}c0ffee.jpg", count=3),
            **numbered("good/b_jpg.rf.{}c0ffee.jpg", count=3, first=10),
            **numbered("bad/{}.jpg", first=50),
        },
        told=("4 files are copies of others by their names, such as good/a_jpg.rf.1c0ffee.jpg",),
    ),
    "e24 no copies, only numbers": Case(numbered("good/photo ({}).png") | numbered("bad/{}.png")),
}


@pytest.mark.parametrize("case", READ.values(), ids=READ)
def test_d03_d14_folders_of_the_field_are_read(case: Case, tmp_path: Path) -> None:
    examples = read(write(tmp_path / "src", case.files))
    assert Counter(examples.rows[LABEL].to_pylist()) == case.labels
    told = "\n".join(examples.remarks)
    for words in case.told:
        assert words in told
    if not case.told:
        assert not told
    assert not examples.unreadable


REFUSED = {
    "d3 splits without labels": (
        {**numbered("train/{}.png"), **numbered("test/{}.png", first=20)},
        r"test is named after a split, and holds no folders of labels.*train/|test is named",
        "test/good",
    ),
    "d3 an unlabelled test set": (
        {f"train/{name}": c for name, c in PLAIN.items()} | numbered("test/{}.png", first=80),
        r"test is named after a split, and holds no folders of labels",
        "remove it if its images have none",
    ),
    "d3 splits beside other folders": (
        {f"{split}/{name}": c for split in ("train", "masks") for name, c in PLAIN.items()},
        r"holds folders of splits \(train\) beside others \(masks\)",
        "Move masks out of it",
    ),
    "an empty label": (
        {**PLAIN, "torn/Thumbs.db": b""},
        r"Label folder .*torn contains no images",
        "or remove it",
    ),
    "a label without a visible name": (
        {**PLAIN, **numbered("\u200b/{}.png", first=80)},
        r"'.*\\u200b' has no visible characters",
        "Rename it",
    ),
    "e05 a label of a format that cannot be read": (
        {
            **numbered("good/{}.png"),
            "bad/a.heic": b"\0\0\0\x18ftypheic" + bytes(60),
            "bad/b.heic": b"\0\0\0\x18ftypheic" + bytes(61),
        },
        r"None of the 2 images of label 'bad' can be read; bad/a\.heic: its format is HEIC",
        "Convert them to JPEG or PNG",
    ),
    "no images at all": ({"good/a.txt": "x"}, "contains no images in class folders", "Put .jpg"),
    "nothing but litter": (
        {"@eaDir/a.png": photo(1), "__MACOSX/b.png": photo(2)},
        "contains no images in class folders",
        "good/",
    ),
}


@pytest.mark.parametrize(("files", "problem", "cure"), REFUSED.values(), ids=REFUSED)
def test_folders_that_cannot_be_meant_are_refused(
    files: Files, problem: str, cure: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        read(write(tmp_path / "src", files))
    assert cure in caught.value.hint


HEIC = b"\0\0\0\x18ftypheic" + bytes(60)
JPEG = photo(7, "JPEG")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cut.jpg", JPEG[: len(JPEG) // 2], "Truncated"),
        ("cut.png", photo(7)[:200], ""),
        ("empty.jpg", b"", "it is empty"),
        ("text.jpg", b"no image", "its format is not recognised"),
        ("phone.heic", HEIC, "its format is HEIC, which cannot be read: convert it"),
        ("phone.jpg", HEIC, "its format is HEIC"),
        ("scan.jp2", encoded(picture(8), "JPEG2000"), "JPEG 2000"),
        ("scan.dat", encoded(picture(8), "JPEG2000"), "JPEG 2000"),
        ("float.tif", encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"), "fractions"),
    ],
)
def test_u13_one_unreadable_photo_is_left_out_and_told(
    name: str, content: bytes, reason: str, tmp_path: Path, store: DatasetStore, add: Adds
) -> None:
    files = {**numbered("good/{}.png", count=30), **numbered("bad/{}.png", count=30, first=50)}
    source = write(tmp_path / "src", {**files, f"good/{name}": content})
    version = add(source)
    assert not version.failed_checks
    assert version.rows == 60
    (remark,) = (remark for remark in version.remarks if remark.startswith("Left out"))
    assert remark.startswith(f"Left out: 1 of 61 images: good/{name}: ")
    assert reason in remark
    (stored,) = store.versions("tires")
    assert stored.remarks == version.remarks
    strict = add(source, dataset="strict", settings={"max_unreadable_share": 0.01})
    assert [check.check for check in strict.failed_checks] == ["readable"]
    assert "1.6% of 61; [data] max_unreadable_share allows 1.0%" in strict.failed_checks[0].reason


def test_e05_the_check_counts_what_was_left_out_by_ending(tmp_path: Path, add: Adds) -> None:
    files = {**numbered("good/{}.png", count=20), **numbered("bad/{}.png", count=20, first=50)}
    source = write(tmp_path / "src", {**files, "good/a.txt": "x", "good/b.txt": "x"})
    (check,) = (check for check in add(source).checks if check.check == "readable")
    assert "2 files (2 .txt) are no images." in check.reason
    assert check.numbers["left_out"] == 2


def test_d3_the_splits_of_the_user_are_kept(tmp_path: Path) -> None:
    words = {"train": "train", "val": "validation", "holdout": "evaluation"}
    files = {f"{word}/{name}": c for word in words for name, c in PLAIN.items()}
    rows = read(write(tmp_path / "src", files)).rows
    for name, split in zip(rows[SOURCE].to_pylist(), rows[SPLIT].to_pylist(), strict=True):
        assert split == words[name.split("/")[0]]


def test_d3_without_splits_there_is_no_column_of_them(tmp_path: Path) -> None:
    assert SPLIT not in read(write(tmp_path / "src", PLAIN)).rows.column_names


def test_d15_links_are_followed_where_the_settings_say_so(tmp_path: Path, add: Adds) -> None:
    lake = write(
        tmp_path / "lake",
        {**numbered("g/{}.png", count=20), **numbered("b/{}.png", count=20, first=50)},
    )
    source = tmp_path / "src"
    (source / "bad").mkdir(parents=True)
    (source / "good").symlink_to(lake / "g")
    for path in (lake / "b").iterdir():
        (source / "bad" / path.name).symlink_to(path)
    with pytest.raises(InvalidInput, match=r"link to a target outside") as caught:
        add(source)
    assert "follow_links = true" in caught.value.hint
    version = add(source, settings={"follow_links": True})
    assert version.labels == {"bad": 20, "good": 20}
    (lake / "g" / "0.png").write_bytes(photo(99))
    assert add(source, settings={"follow_links": True}).number == 2


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize(
    ("link", "target"),
    [("good/up", ".."), ("good/again", "."), ("round", "."), ("good/x", "../..")],
)
def test_d15_links_in_a_circle_end(link: str, target: str, follow: bool, tmp_path: Path) -> None:
    source = write(tmp_path / "src", PLAIN)
    (source / link).symlink_to(target, target_is_directory=True)
    if link == "good/x" and not follow:
        with pytest.raises(InvalidInput, match="outside"):
            read(source)
        return
    examples = read(source, follow_links=follow)
    assert Counter(labels_by_name(examples).values()) == {"good": 6, "bad": 6}
    assert "Passed over: 1 link" in "".join(examples.remarks) or link == "round"


def test_e24_copies_share_a_group_and_a_split(tmp_path: Path) -> None:
    names = [
        *("a.png", "a_flip.png", "a_rot90.png", "a (1).png", "a_copy.png", "a_aug_3.png"),
        *("a - Copy.png", "a_flip_rot180.png", "a.rf.0123456789abcdef.png", "a-hflip.png"),
    ]
    source = write(
        tmp_path / "src",
        photos(*(f"good/{name}" for name in names))
        | numbered("good/{}.png", first=30)
        | photos("bad/a.png", "bad/a_flip.png", first=60)
        | numbered("bad/b{}.png", first=70),
    )
    examples = read(source)
    keys = dict(zip(examples.rows[SOURCE].to_pylist(), examples.similarity_keys, strict=True))
    good = {keys[f"good/{name}"] for name in names}
    assert len(good) == 1
    assert keys["bad/a.png"] == keys["bad/a_flip.png"] not in good
    assert len(set(keys.values())) == 2 + 6 + 6
    assert "10 files are copies of others by their names" in "".join(examples.remarks)


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG ({n}).png" for n in range(1, 9)],
        [f"2024-05-01_{n}.png" for n in range(8)],
        [f"tire_{n:04}.png" for n in range(8)],
        [f"copy_{n}.png" for n in range(8)],
        [f"flip{n}.png" for n in range(8)],
        [f"rotor_{n}.png" for n in range(8)],
        [f"cam{n}_copy.png" for n in range(8)],
    ],
)
def test_e24_photos_that_are_only_numbered_are_no_copies(names: list[str], tmp_path: Path) -> None:
    files = photos(*(f"good/{name}" for name in names)) | numbered("bad/{}.png", first=50)
    examples = read(write(tmp_path / "src", files))
    assert len(set(examples.similarity_keys)) == len(files)
    assert examples.remarks == ()


def test_e24_copies_stay_with_their_original_in_later_versions(tmp_path: Path, add: Adds) -> None:
    files = {**numbered("good/{}.png", count=20), **numbered("bad/{}.png", count=20, first=50)}
    source = write(tmp_path / "src", files)
    assert not add(source).failed_checks
    write(source, {f"good/{n}_rot90.png": photo(200 + n) for n in range(20)})
    second = add(source)
    assert [check.check for check in second.failed_checks] == []
    assert second.labels == {"bad": 20, "good": 40}


def drawings(ink: int, kind: str, count: int) -> Files:
    """Shapes of one colour on transparency, whose pixels differ in nothing but alpha."""
    found: dict[str, bytes | str] = {}
    for number in range(count):
        alpha = np.asarray(picture(number).convert("L")) > 128
        layers = [np.full(alpha.shape, ink, np.uint8)] * 3
        rgba = Image.fromarray(np.dstack([*layers, alpha.astype(np.uint8) * 255]))
        found[f"{kind}/{number}.png"] = encoded(rgba)
    return found


@pytest.mark.parametrize(
    ("ink", "background", "fails"),
    [(0, "#ffffff", False), (255, "#ffffff", True), (255, "#000000", False), (0, "#000000", True)],
)
def test_e03_drawings_that_look_alike_are_found(
    ink: int, background: str, fails: bool, tmp_path: Path, add: Adds
) -> None:
    circles = drawings(ink, "circle", 20)
    crosses = {f"cross/{n}.png": c for n, c in enumerate(drawings(ink, "x", 40).values()) if n > 19}
    source = write(tmp_path / "src", {**circles, **crosses})
    version = add(source, settings={"image_background": background})
    assert ("alike" in [check.check for check in version.failed_checks]) is fails
    if fails:
        (check,) = (check for check in version.failed_checks if check.check == "alike")
        assert "40 of 40 photos look exactly like one of another label" in check.reason
        assert "[data] image_background" in check.reason


def test_e03_flat_photos_of_several_colours_do_not_look_alike(tmp_path: Path) -> None:
    # Red and green of the same luminance: alike in grey.
    files = {
        **{f"red/{n}.png": encoded(Image.new("RGB", (9, 9 + n), (255, 0, 0))) for n in range(4)},
        **{f"green/{n}.png": encoded(Image.new("RGB", (9, 9 + n), (0, 130, 0))) for n in range(4)},
    }
    findings = read(write(tmp_path / "src", files)).findings
    assert findings is not None
    assert findings.alike == ()


def deep_photos(bits: int, *, left: int = 0) -> Files:
    """Grey photos of so many bits in 16."""

    def make(seed: int) -> bytes:
        grey = np.asarray(picture(seed).convert("L")).astype(np.uint32) * (2**bits - 1) // 255
        return encoded(Image.fromarray((grey << left).astype(np.uint16)))

    good = photos(*(f"good/{n}.png" for n in range(20)), make=make)
    return good | photos(*(f"bad/{n}.png" for n in range(20)), first=50, make=make)


@pytest.mark.parametrize(
    ("bits", "left", "depth", "says"),
    [
        (16, 0, 16, None),
        (15, 0, 16, None),
        (12, 4, 16, None),
        (12, 0, 12, None),
        (10, 0, 10, None),
        (12, 0, 16, "Set [data] image_depth = 12, which is 16 now."),
        (10, 0, 16, "Set [data] image_depth = 10, which is 16 now."),
        (14, 0, 16, "Set [data] image_depth = 14, which is 16 now."),
        (8, 0, 12, "Set [data] image_depth = 8, which is 12 now."),
        (16, 0, 12, "have larger values than [data] image_depth allows"),
    ],
)
def test_e04_unused_bits_are_told(
    bits: int, left: int, depth: int, says: str | None, tmp_path: Path, add: Adds
) -> None:
    source = write(tmp_path / "src", deep_photos(bits, left=left))
    version = add(source, settings={"image_depth": depth})
    failed = {check.check: check.reason for check in version.failed_checks}
    # Photos that saturate look alike, too.
    assert failed.keys() - {"alike"} == ({"depth"} if says else set())
    assert (says or "") in failed.get("depth", "")


def png_of_48_bits(seed: int, bits: int) -> bytes:
    """Return a colour PNG of so many bits in 16, which Pillow cannot write."""
    values = np.asarray(picture(seed)).astype(np.uint32) * (2**bits - 1) // 255
    rows = values.astype(">u2").tobytes()
    width = len(rows) // len(values)
    raw = b"".join(b"\0" + rows[i : i + width] for i in range(0, len(rows), width))

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(("bits", "fails"), [(16, False), (15, False), (12, True), (10, True)])
def test_e04_unused_bits_of_colour_images_are_told(
    bits: int, fails: bool, tmp_path: Path, add: Adds
) -> None:
    def make(seed: int) -> bytes:
        return png_of_48_bits(seed, bits)

    files = photos(*(f"good/{n}.png" for n in range(20)), make=make)
    files |= photos(*(f"bad/{n}.png" for n in range(20)), first=50, make=make)
    version = add(write(tmp_path / "src", files))
    failed = {check.check: check.reason for check in version.failed_checks}
    assert ("depth" in failed) is fails
    if fails:
        assert f"is {2**bits - 1}." in failed["depth"]
        assert "Scale them to 8 bits per channel" in failed["depth"]


def arrows(turn: Image.Transpose | None, label: str, first: int) -> Files:
    """Noisy arrows to the left, turned."""

    def make(seed: int) -> bytes:
        random = np.random.default_rng(seed)
        grey = random.integers(0, 60, (48, 48))
        x, y = random.integers(4, 12, 2)
        for row in range(20):
            width = 2 + abs(10 - row)
            grey[y + row, x + 2 * width : x + 2 * width + 12] += 150
        image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        return encoded(image.transpose(turn) if turn is not None else image)

    return photos(*(f"{label}/{n}.png" for n in range(20)), first=first, make=make)


FLIP = Image.Transpose.FLIP_LEFT_RIGHT
TURN = Image.Transpose.ROTATE_90


@pytest.mark.parametrize(
    ("first", "second", "setting"),
    [
        (None, FLIP, "flip_horizontal"),
        (TURN, Image.Transpose.TRANSPOSE, "flip_vertical"),
        (None, TURN, None),
        (None, None, None),
    ],
    ids=["left and right", "up and down", "left and up", "the same"],
)
def test_e21_labels_that_mirror_each_other_are_told(
    first: Image.Transpose | None,
    second: Image.Transpose | None,
    setting: str | None,
    tmp_path: Path,
) -> None:
    source = write(tmp_path / "src", {**arrows(first, "one", 0), **arrows(second, "two", 500)})
    mirrored = [remark for remark in read(source).remarks if "look like those" in remark]
    assert len(mirrored) == (setting is not None)
    for remark in mirrored:
        assert remark.startswith("Images of 'one', mirrored")
        assert f"[training.augmentation] {setting} = false" in remark


def test_e02_phone_photos_are_grouped_and_measured_upright(tmp_path: Path, add: Adds) -> None:
    upright = Image.linear_gradient("L").resize((60, 40)).convert("RGB")
    files = {**numbered("good/{}.png", count=20), **numbered("bad/{}.png", count=20, first=50)}
    files["good/upright.jpg"] = encoded(upright, "JPEG", quality=95)
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    files["good/phone.jpg"] = encoded(stored, "JPEG", quality=95, exif=oriented(6))
    examples = read(write(tmp_path / "src", files))
    keys = dict(zip(examples.rows[SOURCE].to_pylist(), examples.similarity_keys, strict=True))
    assert keys["good/upright.jpg"] == keys["good/phone.jpg"]
    sizes = [properties[:2] for properties in examples.properties.values()]
    assert (60.0, 40.0) in sizes
    assert (40.0, 60.0) not in sizes


def test_d12_names_in_another_encoding(tmp_path: Path) -> None:
    source = write(tmp_path / "src", PLAIN)
    (source / os.fsdecode("good/사진.png".encode("cp949"))).write_bytes(photo(90))
    names = labels_by_name(read(source))
    assert len(names) == 13
    assert sum("\ufffd" in name for name in names) == 1
    folder = source / os.fsdecode("불량".encode("cp949"))
    folder.mkdir()
    (folder / "a.png").write_bytes(photo(91))
    with pytest.raises(InvalidInput, match="is no text: it was written in another encoding"):
        read(source)


def test_e24_copies_in_several_splits_of_the_user_are_told(tmp_path: Path, add: Adds) -> None:
    files = {
        f"{split}/{label}/{n}_jpg.rf.{split}{n}abc.jpg": photo(100 * place + 50 * number + n)
        for place, split in enumerate(("train", "valid", "test"))
        for number, label in enumerate(("good", "bad"))
        for n in range(8)
    }
    version = add(write(tmp_path / "src", files))
    (told,) = (check for check in version.notices if check.check == "groups")
    assert told.reason == "16 groups of near-duplicates are in more than one split."
    assert "The folders give the splits: train 16, validation 16, evaluation 16." in version.remarks


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "src", PLAIN)
    loop = source / "good" / "x.png"
    loop.symlink_to(loop.name)
    with pytest.raises(InvalidInput, match=r"x\.png is not a regular file, or is a broken link"):
        read(source)

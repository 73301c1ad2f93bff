"""Label files in the forms that people and tools write."""

from __future__ import annotations

import codecs
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from retread.core import InvalidInput, RetreadError
from retread.data import SPLIT
from retread.data.label_files import decode_text
from retread.data.store import GROUP, SOURCE

from .pictures import labels_by_name, photos, read, write

NAMES = ("good/a.png", "good/b.png", "bad/c.png")
WANTED = {"good/a.png": "x", "good/b.png": "y", "bad/c.png": "x"}
PAIRS = tuple(WANTED.items())


def own(pairs: tuple[tuple[str, object], ...]) -> object:
    return {"annotation": {"data": [{"FilePath": p, "label_value": v} for p, v in pairs]}}


def coco(pairs: tuple[tuple[str, object], ...]) -> object:
    names = sorted({str(label) for _, label in pairs})
    return {
        "info": {},
        "images": [{"id": i, "file_name": path} for i, (path, _) in enumerate(pairs)],
        "annotations": [
            {"id": 9 * i + n, "image_id": i, "category_id": names.index(str(label)), "bbox": [0]}
            for i, (_, label) in enumerate(pairs)
            for n in range(2)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }


def label_studio(pairs: tuple[tuple[str, object], ...]) -> object:
    return [
        {
            "id": 1,
            "data": {"image": f"/data/upload/1/{path}"},
            "annotations": [{"result": [{"type": "choices", "value": {"choices": [label]}}]}],
        }
        for path, label in pairs
    ]


def table(header: str, row: str) -> str:
    return "\n".join([header, *(row.format(p=path, v=label) for path, label in PAIRS)])


FORMS: dict[str, tuple[str, object]] = {
    "own": ("l.json", own(PAIRS)),
    "COCO": ("l.json", coco(PAIRS)),
    "files with labels": ("l.json", dict(PAIRS)),
    "files with objects": ("l.json", {p: {"label": v, "score": 1} for p, v in PAIRS}),
    "files with lists of one label": ("l.json", {p: [v] for p, v in PAIRS}),
    "labels with files": ("l.json", {"x": [NAMES[0], NAMES[2]], "y": [NAMES[1]]}),
    "wrapped": ("l.json", {"labels": dict(PAIRS)}),
    "a wrapped list": ("l.json", {"items": [{"file": p, "label": v} for p, v in PAIRS]}),
    "objects": ("l.json", [{"file": p, "label": v} for p, v in PAIRS]),
    "objects by other names": ("l.json", [{"Image Path": p, "class_name": v} for p, v in PAIRS]),
    "pairs": ("l.json", [list(pair) for pair in PAIRS]),
    "Label Studio": ("l.json", label_studio(PAIRS)),
    "Create ML": ("l.json", [{"image": p, "annotations": [{"label": v}]} for p, v in PAIRS]),
    "LabelMe objects": ("l.json", [{"imagePath": p, "shapes": [{"label": v}]} for p, v in PAIRS]),
    "JSON lines": (
        "l.jsonl",
        "\n".join(json.dumps({"file_name": p, "label": v}) for p, v in PAIRS),
    ),
    "JSON lines in a .json": (
        "l.json",
        "\n".join(json.dumps({"file": p, "label": v}) for p, v in PAIRS),
    ),
    "CSV": ("l.csv", table("file,label", "{p},{v}")),
    "CSV with more columns": ("l.csv", table("id,Filename,w,Class", "7,{p},640,{v}")),
    "CSV with semicolons": ("l.csv", table("path;category", "{p};{v}")),
    "CSV in quotes": ("l.csv", table('"file","label"', '"{p}", "{v}"')),
    "CSV without a header": ("l.csv", table("", "{p},{v}")),
    "CSV with a header of other words": ("l.csv", table("foto,klasse", "{p},{v}")),
    "TSV": ("l.tsv", table("image\ttarget", "{p}\t{v}")),
    "text with spaces": ("l.txt", table("", "{p} {v}")),
    "a column per label": ("l.csv", f"file,x,y\n{NAMES[0]},1,0\n{NAMES[1]},0,1\n{NAMES[2]},1,0\n"),
}


def text_of(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


@pytest.mark.parametrize(("name", "content"), FORMS.values(), ids=FORMS)
def test_d13_known_forms_are_read(name: str, content: object, tmp_path: Path) -> None:
    source = write(tmp_path / "src", {**photos(*NAMES), name: text_of(content)})
    assert labels_by_name(read(source, labels=name)) == WANTED


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("form", ["own", "files with labels", "CSV", "JSON lines"])
def test_d13_encodings_of_label_files(
    form: str, encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    name, content = FORMS[form]
    source = write(tmp_path / "src", photos(*NAMES))
    (source / name).write_bytes(encode(text_of(content)))
    assert labels_by_name(read(source, labels=name)) == WANTED


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_d13_encodings_of_manifests(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    source = write(tmp_path / "src", photos(*NAMES))
    rows = "".join(f"{name.replace('/', chr(92))},{name[0]}\r\n" for name in NAMES)
    (source / "manifest.csv").write_bytes(encode(f"file,group\r\n{rows}"))
    groups = read(source).rows.select([SOURCE, GROUP]).to_pylist()
    assert {row[SOURCE]: row[GROUP] for row in groups} == {name: name[0] for name in NAMES}


def test_d13_other_encodings_are_refused(tmp_path: Path) -> None:
    content = "file,label\ngood/a.png,größe\n".encode("latin-1")
    source = write(tmp_path / "src", {**photos(*NAMES), "l.csv": content})
    with pytest.raises(InvalidInput, match="byte 25 is neither UTF-8 nor UTF-16; save it as UTF-8"):
        read(source, labels="l.csv")


PATHS = {
    "backslashes": "good\\a.png",
    "a dot": "./good/a.png",
    "a detour": "bad/../good/a.png",
    "Windows": "C:\\Users\\kim\\data\\good\\a.png",
    "a share": "\\\\nas\\photos\\good\\a.png",
    "Linux": "/home/kim/data/good/a.png",
    "a file's address": "file:///mnt/data/good/a.png",
    "an object store": "s3://bucket/data/good/a.png",
    "a web address": "https://example.org/images/good/a.png",
    "another folder": "/home/kim/only-this-name/a.png",
    "folders above": "dataset/raw/good/a.png",
    "other capitals": "Good/A.PNG",
    "the name alone": "a.png",
    "without ending": "a",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_d13_paths_of_other_machines(path: str, tmp_path: Path) -> None:
    content = json.dumps({path: "x", "good/b.png": "y"})
    source = write(tmp_path / "src", {**photos(*NAMES), "l.json": content})
    examples = read(source, labels="l.json")
    assert labels_by_name(examples) == {"good/a.png": "x", "good/b.png": "y"}
    told = [remark for remark in examples.remarks if "do not exist as written" in remark]
    exists = (source / path.replace("\\", "/")).exists()
    assert len(told) == (not exists)
    assert exists or f"such as good/a.png for {path}" in told[0]


def test_d13_paths_may_be_relative_to_the_label_file(tmp_path: Path) -> None:
    content = json.dumps({"../images/a.png": "x", "../images/b.png": "y"})
    source = write(
        tmp_path / "src", {**photos("images/a.png", "images/b.png"), "notes/l.json": content}
    )
    examples = read(source, labels="notes/l.json")
    assert labels_by_name(examples) == {"images/a.png": "x", "images/b.png": "y"}
    assert not any("as written" in remark for remark in examples.remarks)


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_d12_unicode_forms_of_paths_and_labels(stored: str, written: str, tmp_path: Path) -> None:
    name = "양품/사진.png"
    content = json.dumps({unicodedata.normalize(written, name): "불량\u200b", "b.png": "y"})  # type: ignore[arg-type]  # a parameter
    source = write(
        tmp_path / "src",
        {**photos(unicodedata.normalize(stored, name), "b.png"), "l.json": content},  # type: ignore[arg-type]  # a parameter
    )
    assert labels_by_name(read(source, labels="l.json")) == {name: "불량", "b.png": "y"}


LABELS = {
    "an integer": (7, "7"),
    "a large integer": (9007199254740993, "9007199254740993"),
    "a whole fraction": (1.0, "1"),
    "a truth value": (True, "true"),
    "zeros before": ("007", "007"),
    "NA": ("NA", "NA"),
    "spaces": (" good\u00a0", "good"),
    "zero-width spaces": ("go\u200bod", "good"),
}


@pytest.mark.parametrize("form", [own, lambda pairs: dict(pairs)], ids=["own", "object"])
@pytest.mark.parametrize(("label", "text"), LABELS.values(), ids=LABELS)
def test_e27_d7_labels_are_cleaned_text(
    form: Callable[[object], object], label: object, text: str, tmp_path: Path
) -> None:
    content = json.dumps(form((("good/a.png", label), ("good/b.png", "other"))))
    source = write(tmp_path / "src", {**photos(*NAMES), "l.json": content})
    assert labels_by_name(read(source, labels="l.json"))["good/a.png"] == text


REFUSED: dict[str, tuple[str, object, str, str]] = {
    "LabelMe": (
        "l.json",
        {"version": "5", "shapes": [{"label": "x"}], "imagePath": "a.png"},
        "A LabelMe file: it describes a single image, 'a.png'",
        "--labels FOLDER",
    ),
    "COCO with several labels": (
        "l.json",
        {
            "images": [{"id": 1, "file_name": "good/a.png"}],
            "annotations": [{"image_id": 1, "category_id": c} for c in (1, 2)],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        },
        r"A COCO file: good/a\.png has objects of 2 labels, such as 'cat' and 'dog'",
        "one label",
    ),
    "COCO without names": (
        "l.json",
        {"images": [{"id": 1}], "annotations": []},
        "A COCO file: it lacks 'file_name'",
        "Export it again",
    ),
    "several labels": (
        "l.json",
        {"good/a.png": ["x", "y"]},
        r"key 'good/a\.png' gives good/a\.png the label \['x', 'y'\]",
        "one label",
    ),
    "no label": ("l.json", {"good/a.png": None}, r"gives no label for good/a\.png", "Fill it in"),
    "an invisible label": ("l.json", {"good/a.png": "\u200b"}, "gives no label", "Fill it in"),
    "a key twice": (
        "l.json",
        '{"good/a.png": "x", "good/a.png": "y"}',
        r"key 'good/a\.png' has two values, 'x' and 'y'",
        "Remove one",
    ),
    "one file by two paths": (
        "l.json",
        {"good/a.png": "x", "good\\a.png": "y"},
        r"gives good/a\.png two labels, 'x' .* and 'y'",
        "Remove one",
    ),
    "objects without labels": (
        "l.json",
        [{"file": "good/a.png", "score": 1}],
        "entry 1 has 'file', 'score', and nothing named like a label",
        "Name them file and label",
    ),
    "a path of two images": (
        "l.json",
        {"/data/c.png": "x"},
        r"'/data/c\.png' may be bad/c\.png or more/c\.png",
        "relative to",
    ),
    "a path beside its folder": ("l.json", {"train/a.png": "x"}, "is not in", "Add the file"),
    "a short row": ("l.csv", "file,label\ngood/a.png\n", "row 2 has 1 cells", "same number"),
    "a blank label in a row": (
        "l.csv",
        "file,label\ngood/a.png,\n",
        r"row 2 gives no label for good/a\.png",
        "Fill it in",
    ),
    "two columns of one name": ("l.csv", "file,label,label\na,b,c\n", "two columns", "Rename"),
    "a header alone": ("l.csv", "file,label\n", "only row", "Add rows"),
    "unknown columns": (
        "l.csv",
        "a,b,c\n1,2,3\n",
        "row 2 has 'a', 'b', 'c', and nothing named like a path",
        "Name them file and label",
    ),
    "two of a column per label": (
        "l.csv",
        "file,x,y\ngood/a.png,1,1\n",
        r"row 2 gives good/a\.png the label \['x', 'y'\]",
        "one label",
    ),
    "an unknown split": (
        "l.csv",
        "file,label,split\ngood/a.png,x,later\n",
        r"row 2: good/a\.png is given the split 'later'",
        "Use one of: train",
    ),
    "numbers": ("l.json", [1, 2], "its form is not known", "Expected: "),
    "nothing": ("l.csv", "", "its form is not known", "Expected: "),
    "not JSON": ("l.json", "{", "is not a label file", "Expected: "),
    "no files": ("l.json", {"x": []}, "lists no files", "Expected: "),
}


@pytest.mark.parametrize(("name", "content", "problem", "cure"), REFUSED.values(), ids=REFUSED)
def test_d13_what_is_no_label_per_image_is_refused(
    name: str, content: object, problem: str, cure: str, tmp_path: Path
) -> None:
    files = {**photos(*NAMES, "more/c.png"), name: text_of(content)}
    with pytest.raises(RetreadError, match=problem) as caught:
        read(write(tmp_path / "src", files), labels=name)
    assert cure in caught.value.hint
    assert name in caught.value.message


def test_d13_images_without_a_label_are_counted(tmp_path: Path) -> None:
    document = coco(PAIRS)
    assert isinstance(document, dict)
    document["images"].append({"id": 9, "file_name": "good/z.png"})
    source = write(tmp_path / "src", {**photos(*NAMES), "l.json": json.dumps(document)})
    remarks = read(source, labels="l.json").remarks
    assert "l.json: a COCO file, 3 images." in remarks
    assert "Left out: 1 images to which l.json gives no label, such as good/z.png." in remarks


@pytest.mark.parametrize("from_file", [True, False])
def test_d3_label_files_keep_splits(from_file: bool, tmp_path: Path) -> None:
    names = (
        ("a.png", "b.png", "c.png") if from_file else ("train/a.png", "valid/b.png", "test/c.png")
    )
    rows = [f"{name},x,{s}" for name, s in zip(names, ("train", "val", "test"), strict=True)]
    header = "file,label,split" if from_file else "file,label,note"
    source = write(tmp_path / "src", {**photos(*names), "l.csv": "\n".join([header, *rows])})
    found = read(source, labels="l.csv").rows[SPLIT].to_pylist()
    assert found == ["train", "validation", "evaluation"] or not from_file
    assert sorted(found) == ["evaluation", "train", "validation"]


def test_text_in_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="byte 1"):
        decode_text(b"\xff")


@pytest.mark.parametrize("unlisted", [("good/d.png",), ("e.png", "x/y/f.png")])
def test_d13_images_that_the_label_file_does_not_list_are_counted(
    tmp_path: Path, unlisted: tuple[str, ...]
) -> None:
    write(tmp_path, {**photos(*NAMES, *unlisted), "l.json": json.dumps(dict(PAIRS))})
    remarks = " ".join(read(tmp_path, labels="l.json").remarks)
    assert f"Left out: {len(unlisted)} images to which l.json gives no label" in remarks
    assert f"such as {unlisted[0]}." in remarks

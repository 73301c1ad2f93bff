"""Label files as annotation tools write them: read, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from retread.core import InvalidInput, RetreadError

from .pictures import labels_by_name, photos, read, write

NAMES = ("good/a.png", "good/b.png", "bad/c.png")
WANTED = {"good/a.png": "x", "good/b.png": "y", "bad/c.png": "x"}
PAIRS = tuple(WANTED.items())


def text_of(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def table(header: str, row: str) -> str:
    return "\n".join([header, *(row.format(p=path, v=label) for path, label in PAIRS)])


def lines(make: Callable[[str, str], object]) -> str:
    return "\n".join(json.dumps(make(path, label)) for path, label in PAIRS)


def via(path: str, *labels: str) -> object:
    regions = [{"shape_attributes": {}, "region_attributes": {"type": label}} for label in labels]
    return {"filename": path, "size": 1, "regions": regions, "file_attributes": {}}


def via_project() -> object:
    images = {p: {"filename": p, "regions": [], "file_attributes": {"class": v}} for p, v in PAIRS}
    return {"_via_settings": {}, "_via_img_metadata": images, "_via_attributes": {}}


def cvat(*images: str) -> str:
    return f"<annotations><version>1.1</version>{''.join(images)}</annotations>"


def labelme(path: str, label: object) -> str:
    return json.dumps({"version": "5", "shapes": [{"label": label}], "imagePath": path})


def labelme_flags(path: str, label: object) -> str:
    flags = {"x": label == "x", "y": label == "y"}
    return json.dumps({"version": "5", "flags": flags, "shapes": [], "imagePath": path})


def voc(path: str, label: object) -> str:
    name = path.rpartition("/")[2]
    return (
        f"<annotation><filename>{name}</filename><object><name>{label}</name></object></annotation>"
    )


FORMS: dict[str, tuple[str, object]] = {
    "VIA": ("l.json", {f"{p}-1": via(p, v, v) for p, v in PAIRS}),
    "a project of VIA": ("l.json", via_project()),
    "VIA as a table": (
        "l.csv",
        table(
            "filename,file_size,file_attributes,region_count,region_id,region_attributes",
            '{p},1,"{{}}",1,0,"{{""type"":""{v}""}}"',
        ),
    ),
    "CVAT": (
        "l.xml",
        cvat(*(f'<image name="{p}"><tag label="{v}"/></image>' for p, v in PAIRS)),
    ),
    "CVAT with boxes": (
        "l.xml",
        cvat(
            *(f'<image name="{p}"><box label="{v}"/><box label="{v}"/></image>' for p, v in PAIRS)
        ),
    ),
    "Roboflow boxes": (
        "_annotations.csv",
        table("filename,width,height,class,xmin,ymin,xmax,ymax", "{p},4,4,{v},1,1,2,2"),
    ),
    "Roboflow classes": (
        "_classes.csv",
        f"filename, x, y\n{NAMES[0]}, 1, 0\n{NAMES[1]}, 0, 1\n{NAMES[2]}, 1, 0\n",
    ),
    "Vertex AI as a table": ("l.csv", table("", "gs://lake/{p},{v}")),
    "Vertex AI": (
        "l.jsonl",
        lines(lambda p, v: {"imageGcsUri": p, "classificationAnnotation": {"displayName": v}}),
    ),
    "SageMaker": (
        "l.jsonl",
        lines(lambda p, v: {"source-ref": f"s3://x/{p}", "c-metadata": {"class-name": v}}),
    ),
    "Label Studio, short": ("l.json", [{"image": f"/data/{p}", "choice": v} for p, v in PAIRS]),
    "Label Studio as a table": ("l.csv", table("image,id,choice", "/data/{p},1,{v}")),
}


@pytest.mark.parametrize(("name", "content"), FORMS.values(), ids=FORMS)
def test_d13_forms_of_tools_are_read(name: str, content: object, tmp_path: Path) -> None:
    source = write(tmp_path / "src", {**photos(*NAMES), name: text_of(content)})
    assert labels_by_name(read(source, labels=name)) == WANTED


def test_d13_a_table_with_a_column_of_splits_needs_no_header(tmp_path: Path) -> None:
    splits = ("TRAINING", "validation", "TEST")
    rows = [f"{split},gs://lake/{p},{v}" for split, (p, v) in zip(splits, PAIRS, strict=True)]
    source = write(tmp_path / "src", {**photos(*NAMES), "l.csv": "\n".join(rows)})
    examples = read(source, labels="l.csv")
    assert labels_by_name(examples) == WANTED


REFUSED: dict[str, tuple[str, object, str, str]] = {
    "Pascal VOC": (
        "l.xml",
        voc("a.png", "x"),
        "A Pascal VOC file: it describes a single image, 'a.png'",
        "--labels FOLDER",
    ),
    "VIA with several labels": (
        "l.json",
        {"a.png1": via("good/a.png", "x", "y")},
        r"A VIA .*: good/a\.png has objects of 2 labels",
        "one label",
    ),
    "CVAT with several labels": (
        "l.xml",
        cvat('<image name="good/a.png"><tag label="x"/><box label="y"/></image>'),
        r"A CVAT file: good/a\.png has objects of 2 labels",
        "one label",
    ),
    "CVAT of a video": ("l.xml", cvat('<track label="x"/>'), "A CVAT file: .*video", "for images"),
    "YOLO": ("l.txt", "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.2\n", "A YOLO file", "as COCO"),
    "YOLO with one box": ("l.txt", "0 0.5 0.5 0.2 0.2", "A YOLO file", "as COCO"),
    "YOLO with polygons": ("l.txt", "3 0.5 0.5 0.2 0.2 0.7 0.1", "A YOLO file", "as COCO"),
    "YOLO's list": ("data.yaml", "names: [x, y]\nnc: 2\n", "A YOLO file", "as COCO"),
    "Supervisely": (
        "l.json",
        {"description": "", "tags": [{"name": "x"}], "size": {}, "objects": []},
        "A Supervisely file: this form is not read",
        "as COCO",
    ),
    "Labelbox": (
        "l.json",
        [{"ID": 1, "Labeled Data": "a.png", "Label": {}}],
        "A Labelbox file: this form is not read",
        "as COCO",
    ),
    "Datumaro": (
        "l.json",
        {"info": {}, "categories": {}, "items": []},
        "A Datumaro file: this form is not read",
        "as COCO",
    ),
    "COCO without annotations": (
        "l.json",
        {"images": [{"id": 1, "file_name": "good/a.png"}], "annotations": []},
        "a COCO file, lists no files with labels",
        "Expected: ",
    ),
    "XML of another form": ("l.xml", "<svg/>", "its form is not known", "Expected: "),
    "broken XML": ("l.xml", "<annotation>", "it is not XML", "Expected: "),
}


@pytest.mark.parametrize(("name", "content", "problem", "cure"), REFUSED.values(), ids=REFUSED)
def test_d13_forms_that_give_no_label_per_image_are_refused_by_name(
    name: str, content: object, problem: str, cure: str, tmp_path: Path
) -> None:
    source = write(tmp_path / "src", {**photos(*NAMES), name: text_of(content)})
    with pytest.raises(RetreadError, match=problem) as caught:
        read(source, labels=name)
    assert cure in caught.value.hint


@pytest.mark.parametrize("make", [labelme, labelme_flags, voc])
@pytest.mark.parametrize("place", ["labels", "images/../labels"])
def test_d13_a_folder_of_files_gives_labels(
    make: Callable[[str, object], str], place: str, tmp_path: Path
) -> None:
    suffix = ".xml" if make is voc else ".json"
    files = {f"labels/{p.replace('/', '_')}{suffix}": make(p, v) for p, v in PAIRS}
    source = write(tmp_path / "src", {**photos(*NAMES, "images/d.png"), **files})
    assert labels_by_name(read(source, labels=place)) == WANTED
    with pytest.raises(RetreadError, match="single image") as single:
        read(source, labels=next(iter(files)))
    assert "--labels FOLDER" in single.value.hint


@pytest.mark.parametrize(
    ("files", "problem", "cure"),
    [
        ({"a.txt": "0 0.5 0.5 0.2 0.2\n"}, r"a\.txt cannot be used\. A YOLO file", "as COCO"),
        ({"a.json": "[1]"}, r"a\.json is not a label file of one image", "LabelMe or"),
        ({"a.xml": "<x>"}, r"a\.xml is not a label file of one image: it is not XML", "LabelMe"),
        ({"readme.md": ""}, "has no files with labels", "Name a label file"),
        (
            {"a.json": '{"shapes": [{"label": "x"}, {"label": "y"}], "imagePath": "a.png"}'},
            r"a\.json cannot be used\. A LabelMe file: a\.png has objects of 2 labels",
            "one label",
        ),
        ({"a.json": labelme("nowhere.png", "x")}, r"a\.json: 'nowhere.png' is not in", "Add the"),
    ],
)
def test_d13_files_of_other_forms_are_refused_by_name(
    files: dict[str, str], problem: str, cure: str, tmp_path: Path
) -> None:
    below = {f"notes/{name}": text for name, text in files.items()}
    with pytest.raises(RetreadError, match=problem) as caught:
        read(write(tmp_path / "src", {**photos(*NAMES), **below}), labels="notes")
    assert cure in caught.value.hint


@pytest.mark.parametrize(
    ("files", "name"),
    [(["a.txt"], "labels/a.txt"), (["a.xml", "b.xml"], "labels"), (["a.json"], "labels/a.json")],
)
def test_d13_labels_beside_images_are_pointed_to(
    files: list[str], name: str, tmp_path: Path
) -> None:
    below = {f"labels/{file}": "" for file in files}
    source = write(tmp_path / "src", {**photos("images/a.png", "images/b.png"), **below})
    with pytest.raises(InvalidInput, match=r"Label folder .*labels contains no images") as caught:
        read(source)
    assert caught.value.hint.endswith(f"--labels {name}")

"""The forms in which annotation tools write labels as JSON: read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from retread.data.label_files.entry import LabelEntry, Labels, UnusableLabels, entry

Item = Mapping[str, Any]
Pair = tuple[Any, list[Any]]
"""The path of an image, and all labels that are given to it or to objects in it."""

ONE_EACH = "Each image needs one label: list each as in " + '{"a.jpg": "good"}.'
_FOLDER = "Name the folder of all these files: --labels FOLDER."
_EXPORT = "Export it as COCO or CSV, or list each image as in " + '{"a.jpg": "good"}.'


def labels_of_tool(items: list[Item]) -> Labels | None:
    """Return the labels of a list that a tool wrote; None if it is of no known tool.

    Raises:
        UnusableLabels: Images have several labels, or the form is known and not read.
    """
    for form, is_form, pair_of in _LISTS:
        if is_form(items[0]):
            return labels_of_pairs(form, [_pair(form, pair_of, item) for item in items])
    _refuse_known(items[0])
    return None


def labels_of_object(document: Item) -> Labels | None:
    """Return the labels of a single object that a tool wrote; None if it is of no known tool.

    Raises:
        UnusableLabels: It describes a single image, images have several labels, or the form is
            known and not read.
    """
    if is_labelme(document):
        raise single_image("A LabelMe file", document.get("imagePath"))
    images = document.get("_via_img_metadata", document)
    if isinstance(images, dict) and images and all(map(_is_via, images.values())):
        form = "A VIA (VGG Image Annotator) file"
        return labels_of_pairs(form, [_pair(form, _via_pair, item) for item in images.values()])
    _refuse_known(document)
    return None


def labelme_pair(document: Item) -> Pair:
    """Return the image of a LabelMe object, and its labels: flags that are set, or shapes."""
    flags = [name for name, is_set in (document.get("flags") or {}).items() if is_set]
    return document.get("imagePath"), flags or [shape.get("label") for shape in document["shapes"]]


def is_labelme(document: Item) -> bool:
    """Return whether an object is one of LabelMe's."""
    return "shapes" in document and "imagePath" in document


def labels_of_pairs(form: str, pairs: list[Pair]) -> Labels:
    """Return the labels of images that a tool may have given none or several.

    Raises:
        UnusableLabels: An image has several labels.
    """
    entries: list[LabelEntry] = []
    unlabelled: list[str] = []
    for number, (path, labels) in enumerate(pairs, start=1):
        distinct = list({repr(label): label for label in labels}.values())
        if not distinct:
            unlabelled.append(str(path))
            continue
        check_one(form, path, distinct)
        entries.append(entry(form, path, distinct[0], f"entry {number}"))
    return Labels(form, tuple(entries), tuple(unlabelled))


def check_one(form: str, path: object, labels: list[Any]) -> None:
    """Refuse several labels of one image."""
    if len(labels) > 1:
        listed = " and ".join(map(repr, labels[:2]))
        raise UnusableLabels(
            form, f"{path} has objects of {len(labels)} labels, such as {listed}.", ONE_EACH
        )


def single_image(form: str, image: object) -> UnusableLabels:
    """Return the refusal of a file that describes one image."""
    return UnusableLabels(form, f"it describes a single image, {image!r}.", _FOLDER)


def _pair(form: str, pair_of: Callable[[Item], Pair], item: Item) -> Pair:
    try:
        path, labels = pair_of(item)
        return path, [label for label in labels if label is not None]
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise UnusableLabels(form, f"it lacks {error}.", ONE_EACH) from error


def _label_studio_pair(item: Item) -> Pair:
    annotations = item.get("annotations") or item.get("completions") or ()
    results = [result["value"] for annotation in annotations for result in annotation["result"]]
    lists = [next(v for v in value.values() if isinstance(v, list)) for value in results]
    return next(iter(item["data"].values())), [choice for found in lists for choice in found]


def _create_ml_pair(item: Item) -> Pair:
    return item.get("image"), [annotation.get("label") for annotation in item["annotations"]]


def _vertex_pair(item: Item) -> Pair:
    annotations = item.get("boundingBoxAnnotations") or item.get("classificationAnnotations") or []
    one = item.get("classificationAnnotation")
    return item["imageGcsUri"], [a["displayName"] for a in (*annotations, *([one] if one else []))]


def _sagemaker_pair(item: Item) -> Pair:
    about = [value for key, value in item.items() if key.endswith("-metadata")]
    return item["source-ref"], [name for one in about for name in _class_names(one)]


def _class_names(about: Item) -> Iterator[str]:
    yield from [about["class-name"]] if "class-name" in about else about["class-map"].values()


def _is_via(item: object) -> bool:
    return isinstance(item, dict) and "filename" in item and "regions" in item


def _via_pair(item: Item) -> Pair:
    """Return the image of a VIA object, and the attributes of its file, or of its regions."""
    regions = item["regions"]
    regions = list(regions.values()) if isinstance(regions, dict) else regions
    of_file = _texts(item.get("file_attributes") or {})
    of_regions = [text for one in regions for text in _texts(one.get("region_attributes") or {})]
    return item["filename"], of_file or of_regions


def _texts(attributes: Item) -> list[str]:
    return [text for text in attributes.values() if isinstance(text, str) and text.strip()]


def _refuse_known(document: Item) -> None:
    for form, keys in _NOT_READ.items():
        if keys <= document.keys():
            raise UnusableLabels(form, "this form is not read.", _EXPORT)


_LISTS: tuple[tuple[str, Callable[[Item], bool], Callable[[Item], Pair]], ...] = (
    (
        "A Label Studio file",
        lambda i: "data" in i and ("annotations" in i or "completions" in i),
        _label_studio_pair,
    ),
    ("A Create ML file", lambda i: "annotations" in i and "image" in i, _create_ml_pair),
    ("A list of LabelMe objects", is_labelme, labelme_pair),
    ("A Vertex AI file", lambda i: "imageGcsUri" in i, _vertex_pair),
    ("A SageMaker manifest", lambda i: "source-ref" in i, _sagemaker_pair),
)
_NOT_READ: dict[str, set[str]] = {
    "A Supervisely file": {"tags", "objects", "size"},
    "A Labelbox file": {"Labeled Data", "Label"},
    "A Labelbox file of data rows": {"data_row", "projects"},
    "A Datumaro file": {"categories", "items"},
}

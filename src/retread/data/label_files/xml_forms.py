"""The forms of label files in XML: CVAT for images, and Pascal VOC, one file per image."""

from __future__ import annotations

# Expat bounds what entities grow to (since 2.4.1), and loads none from elsewhere.
from xml.etree import ElementTree

from retread.data.label_files.entry import Labels, UnusableLabels
from retread.data.label_files.tool_forms import Pair, labels_of_pairs, single_image

VOC = "A Pascal VOC file"
_CVAT = "A CVAT file"
_SHAPES = ["tag", "box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton"]


def labels_of_xml(text: str) -> Labels | None:
    """Return the labels of a CVAT file; None if the form is not recognised.

    Raises:
        UnusableLabels: It describes a single image, or videos, or images have several labels.
        ValueError: It is not XML.
    """
    root = _parsed(text)
    if root.tag == "annotation":
        raise single_image(VOC, root.findtext("filename"))
    if root.tag != "annotations":
        return None
    if root.find("track") is not None:
        raise UnusableLabels(_CVAT, "it describes a video.", 'Export it as "CVAT for images".')
    pairs: list[Pair] = [
        (image.get("name"), [shape.get("label") for name in _SHAPES for shape in image.iter(name)])
        for image in root.iter("image")
    ]
    return labels_of_pairs(_CVAT, pairs)


def voc_pair(text: str) -> Pair | None:
    """Return the image of a Pascal VOC file and the labels of its objects; None if it is none.

    Raises:
        ValueError: It is not XML.
    """
    root = _parsed(text)
    if root.tag != "annotation":
        return None
    return root.findtext("filename"), [one.findtext("name") for one in root.iter("object")]


def _parsed(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)  # noqa: S314  # see above
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error

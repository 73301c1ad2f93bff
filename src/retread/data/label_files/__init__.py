"""Read label files: which label each image of a folder has, in the forms that tools write."""

from retread.data.label_files.entry import LabelEntry, Labels
from retread.data.label_files.locate import ImageLocator
from retread.data.label_files.per_image import read_label_folder
from retread.data.label_files.read import SUFFIXES, decode_text, read_label_file

__all__ = [
    "SUFFIXES",
    "ImageLocator",
    "LabelEntry",
    "Labels",
    "decode_text",
    "read_label_file",
    "read_label_folder",
]

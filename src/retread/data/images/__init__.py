"""Read, check, hash and measure the images of a source.

>>> from retread.bundle import ImageRules
>>> from retread.data.images import inspect_image
>>> inspect_image(b"not an image", ImageRules()).error
'its format is not recognised'
"""

from retread.data.images.findings import counted
from retread.data.images.gather import ImageFile, gather_contents, gather_files, with_copies
from retread.data.images.inspection import (
    IMAGE_PROPERTIES,
    SUFFIXES,
    ImageFacts,
    image_rules,
    inspect_image,
    measure_image,
    sample_by_digest,
    suffix_of,
)
from retread.data.images.walk import ImageWalk, name_below

__all__ = [
    "IMAGE_PROPERTIES",
    "SUFFIXES",
    "ImageFacts",
    "ImageFile",
    "ImageWalk",
    "counted",
    "gather_contents",
    "gather_files",
    "image_rules",
    "inspect_image",
    "measure_image",
    "name_below",
    "sample_by_digest",
    "suffix_of",
    "with_copies",
]

"""Read, check, hash and measure the images of a source.

>>> from retread.data.images import inspect_image
>>> inspect_image(b"not an image").error
'its format is not recognised'
"""

from retread.data.images.gather import ImageFile, gather_contents, gather_files
from retread.data.images.inspection import (
    IMAGE_PROPERTIES,
    SUFFIXES,
    ImageFacts,
    inspect_image,
    measure_image,
    sample_by_digest,
    suffix_of,
)

__all__ = [
    "IMAGE_PROPERTIES",
    "SUFFIXES",
    "ImageFacts",
    "ImageFile",
    "gather_contents",
    "gather_files",
    "inspect_image",
    "measure_image",
    "sample_by_digest",
    "suffix_of",
]

"""Images of a source: read once, checked, hashed and measured.

>>> from retread.data.images import inspect_image
>>> inspect_image(b"not an image").error
'its format is not recognised'
"""

from retread.data.images.facts import (
    MEASURES,
    ImageFacts,
    inspect_image,
    measure_image,
    sample_by_digest,
)
from retread.data.images.gather import ImageFile, gather_contents, gather_files
from retread.data.images.suffixes import SUFFIXES, suffix_of

__all__ = [
    "MEASURES",
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

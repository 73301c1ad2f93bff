"""Walk through a folder of images: pass over litter, follow links, recognise images by content."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from retread.core import InvalidInput
from retread.data.images.inspection import SUFFIXES
from retread.data.images.litter import litter_kind

_IMAGES = (
    *SUFFIXES,
    *(".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpf", ".jpx", ".jxl", ".psd", ".tga", ".exr"),
    *(".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
)
"""The suffixes of files that should hold an image: of these, many formats cannot be read."""

_HEAD = 32
_IMAGE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|RIFF.{4}WEBP|GIF8[79]a|II\*\0|MM\0\*|BM.{4}\0{4}"
    rb"|.{4}ftyp(avif|avis|hei[cfmsx]|hev[cmsx]|mif1|msf1)|P[1-6][ \t\r\n][0-9# \n]"
    rb"|\0{3}\x0cjP  |\xff\x4f\xff\x51|\0{3}\x0cJXL |8BPS\0\1",
    re.DOTALL,
)
"""How files of images begin."""


def name_below(root: Path, path: str) -> str:
    """Return the path of a file below a folder as text in Unicode form C.

    Bytes of a name that are no text, as old archives leave them, become replacement characters.
    """
    name = path[len(str(root)) + 1 :]
    if not name.isascii():
        name = os.fsencode(name).decode("utf-8", "replace")
    return unicodedata.normalize("NFC", name)


class ImageWalk:
    """A walk through the folders of a source.

    Attributes:
        root: The folder of the source, without links in its path.
        passed_over: How much litter of each kind was passed over.
        left_out: How many files are no images, by ending.
        links: How many links to folders were not followed.
        unlabelled: The images that lie beside the folders of labels.

    Args:
        root: The folder of the source.
        follow_links: Whether to follow links to folders, and links that lead out of `root`.
    """

    def __init__(self, root: Path, *, follow_links: bool) -> None:
        self.root = root
        self.passed_over: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.links = 0
        self.unlabelled: list[str] = []
        self._follows = follow_links
        self._listed: dict[str, list[os.DirEntry[str]]] = {}

    def folders(self, folder: Path) -> list[Path]:
        """Return the folders directly in a folder, sorted, without litter.

        Raises:
            InvalidInput: A link leads out of the source, and links are not followed.
        """
        real = os.path.realpath(folder)
        found = []
        for entry in self._entries(str(folder)):
            if not _is_folder(entry):
                continue
            self._check_inside(entry)
            if not (entry.is_symlink() and _contains(os.path.realpath(entry.path), real)):
                found.append(Path(entry.path))
        return found

    def only_folders(self, folder: Path, at_least: int = 2) -> bool:
        """Return whether a folder holds so many folders and nothing beside them, litter aside."""
        folders = len(self.folders(folder))
        return folders >= at_least and folders == len(self._entries(str(folder)))

    def pass_over_images(self, folder: Path) -> None:
        """Count the images directly in a folder as unlabelled."""
        self.unlabelled += [
            name_below(self.root, entry.path)
            for entry in self._entries(str(folder))
            if entry.name.lower().endswith(_IMAGES) and _is_file(entry)
        ]

    def images(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """Return the images in a folder and all folders below it, each folder once.

        Raises:
            InvalidInput: An image is no regular file, or a link leads out of the source and links
                are not followed.
        """
        real = os.path.realpath(folder)
        return self._images(str(folder), real, {real})

    def remarks(self) -> tuple[str, ...]:
        """Return what was passed over, a sentence per kind."""
        remarks = []
        if self.passed_over:
            total = sum(self.passed_over.values())
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.passed_over.most_common())
            remarks.append(
                f"Passed over: {total} that systems and programs leave behind ({kinds})."
            )
        if self.unlabelled:
            remarks.append(
                f"Left out: {len(self.unlabelled)} images that lie in no folder of a label, such "
                f"as {self.unlabelled[0]}."
            )
        if self.links and self._follows:
            remarks.append(
                f"Passed over: {self.links} links back to folders above them, or to folders that "
                "were read already."
            )
        elif self.links:
            remarks.append(
                f"Passed over: {self.links} links to folders; [data] follow_links = true follows "
                "them."
            )
        return tuple(remarks)

    def _images(self, folder: str, top: str, seen: set[str]) -> Iterator[os.DirEntry[str]]:
        for entry in self._entries(folder):
            self._check_inside(entry)
            if _is_folder(entry):
                yield from self._images_below(entry, top, seen)
            elif entry.name.lower().endswith(_IMAGES):
                # Reading a pipe would block forever.
                if not _is_file(entry):
                    raise InvalidInput(
                        f"{entry.path} is not a regular file, or is a broken link.", "Remove it."
                    )
                yield entry
            elif _is_file(entry) and _holds_image(entry.path):
                yield entry
            else:
                self.left_out[Path(entry.name).suffix.lower() or "without ending"] += 1

    def _images_below(
        self, entry: os.DirEntry[str], top: str, seen: set[str]
    ) -> Iterator[os.DirEntry[str]]:
        real = os.path.realpath(entry.path) if self._follows else entry.path
        # A link to a folder could lead to an endless loop, or to the folders of other labels.
        if real in seen or (entry.is_symlink() and (not self._follows or _contains(real, top))):
            self.links += 1
            return
        seen.add(real)
        yield from self._images(entry.path, top, seen)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """Return the entries of a folder by name, without litter, which is counted once."""
        known = self._listed.get(folder)
        if known is not None:
            return known
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            raise InvalidInput(
                f"Folder {folder} cannot be read: {error.strerror}.",
                "Allow reading it, or remove it.",
            ) from error
        kinds = [litter_kind(entry.name) for entry in entries]
        self.passed_over.update(kind for kind in kinds if kind)
        kept = [entry for entry, kind in zip(entries, kinds, strict=True) if not kind]
        return self._listed.setdefault(folder, kept)

    def _check_inside(self, entry: os.DirEntry[str]) -> None:
        if self._follows or not entry.is_symlink():
            return
        if not _contains(str(self.root), os.path.realpath(entry.path)):
            raise InvalidInput(
                f"{entry.path} is a link to a target outside {self.root}.",
                "Set [data] follow_links = true, or copy the target into the folder.",
            )


def _contains(folder: str, inner: str) -> bool:
    """Return whether a folder is another one or above it."""
    return inner == folder or inner.startswith(folder.rstrip("/") + "/")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _holds_image(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a tenth of the time of Path.open
            return _IMAGE.match(file.read(_HEAD)) is not None
    except OSError:
        return False

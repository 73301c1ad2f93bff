"""Find the images that label files name, also by paths of other machines."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from retread.core import InvalidInput, NotFound
from retread.data.images import ImageWalk

_ELSEWHERE = re.compile(r"^([A-Za-z]:[/\\]|[/\\]|~|[A-Za-z][A-Za-z0-9+.-]*://)")


@dataclass(slots=False)
class ImageLocator:
    """Finds images of a folder by the paths in a label file.

    Attributes:
        root: The folder, without links in its path.
        labels: The label file.
        follow_links: Whether links may lead out of the folder.
        guessed: The images that were found by the ends of their paths: paths as written, and found.
    """

    root: Path
    labels: Path
    follow_links: bool
    guessed: list[tuple[str, str]] = field(default_factory=list)

    def find(self, written: str, place: str) -> str:
        """Return the path of an image in the folder, given its path as written.

        A path may be relative to the folder or to the label file, with slashes or backslashes. Of a
        path that is of another machine, or begins above the folder, the end decides.

        Args:
            written: The path.
            place: Where it is written, for errors.

        Raises:
            InvalidInput: It is no valid path, leads out of the folder, or fits several images.
            NotFound: There is no such image.
        """
        for text in dict.fromkeys((written, written.replace("\\", "/"))):
            for folder in (self.root, self.labels.parent):
                found = self._existing(folder, text, place)
                if found is not None:
                    return found
        found = self._by_end(written.replace("\\", "/"), place)
        if found is None:
            raise self._missing(written, place)
        self.guessed.append((written, found))
        return found

    def remarks(self) -> tuple[str, ...]:
        """Return how images were found whose paths do not exist as written."""
        if not self.guessed:
            return ()
        written, found = self.guessed[0]
        return (
            f"{len(self.guessed)} paths of {self.labels.name} do not exist as written; the ends of "
            f"the paths decided, such as {found} for {written}.",
        )

    def _existing(self, folder: Path, text: str, place: str) -> str | None:
        try:
            path = Path(os.path.normpath(folder / text))
            is_file = path.is_file()
            real = Path(os.path.realpath(path))
        except (ValueError, OSError) as error:
            raise InvalidInput(
                f"{self.labels}, {place}: {text!r} is not a valid path: {error}."
            ) from error
        if not is_file or not path.is_relative_to(self.root):
            return None
        if not self.follow_links and not real.is_relative_to(self.root):
            raise InvalidInput(
                f"{self.labels}, {place}: {text!r} is a link to a target outside {self.root}.",
                "Set [data] follow_links = true, or copy the target into the folder.",
            )
        return path.relative_to(self.root).as_posix()

    def _by_end(self, text: str, place: str) -> str | None:
        parts = _key(re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", text)).split("/")
        named = self._by_name.get(parts[-1], [])
        if not named and "." not in parts[-1]:
            named = self._by_stem.get(parts[-1], [])
        # The rest of the path agrees as far as the folder knows it.
        fitting = [name for name in named if parts[-name.count("/") - 1 : -1] == _folders(name)]
        chosen = fitting or (named if len(parts) == 1 or _ELSEWHERE.match(text) else [])
        longest = max((name.count("/") for name in chosen), default=0)
        best = [name for name in chosen if name.count("/") == longest] if fitting else chosen
        if len(best) > 1:
            raise InvalidInput(
                f"{self.labels}, {place}: {text!r} may be {best[0]} or {best[1]}.",
                f"Write paths relative to {self.root}.",
            )
        return best[0] if best else None

    def _missing(self, written: str, place: str) -> InvalidInput | NotFound:
        text = written.replace("\\", "/")
        outside = not Path(os.path.normpath(self.root / text)).is_relative_to(self.root)
        if outside or _ELSEWHERE.match(written):
            return InvalidInput(
                f"{self.labels}, {place}: {written!r} is outside {self.root}, which has no image "
                "of that name.",
                "Use paths inside the folder.",
            )
        return NotFound(
            f"{self.labels}, {place}: {written!r} is not in {self.root}.",
            "Add the file, or remove the entry.",
        )

    @cached_property
    def _names(self) -> list[str]:
        walk = ImageWalk(self.root, follow_links=self.follow_links)
        prefix = len(str(self.root)) + 1
        return [entry.path[prefix:] for entry in walk.images(self.root)]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._names:
            found[_key(name).rpartition("/")[2]].append(name)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._names:
            found[_key(name).rpartition("/")[2].rpartition(".")[0]].append(name)
        return found


def _folders(name: str) -> list[str]:
    return _key(name).split("/")[:-1]


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()

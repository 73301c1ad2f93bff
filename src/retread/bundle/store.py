"""Where bundles are kept, addressed by their digest."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from retread.bundle.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from retread.core import IntegrityBroken, NotFound, digest_bytes, sync_folder

_PARTIAL = ".partial-"
_ABANDONED_S = 3600.0
"""No writer takes so long."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class BundleStore(Protocol):
    """Immutable bundles; a bundle exists entirely or not at all."""

    def put(self, manifest: Manifest, files: Mapping[str, bytes]) -> str:
        """Store a bundle and return its digest; storing it twice is the same as once."""
        ...

    def manifest(self, digest: str) -> Manifest:
        """Raises NotFound, or IntegrityBroken if it was changed."""
        ...

    def read(self, digest: str, name: str) -> bytes:
        """One file's bytes, verified against the manifest; NotFound, IntegrityBroken."""
        ...

    def digests(self) -> tuple[str, ...]:
        """Every bundle there is, sorted."""
        ...


class LocalBundleStore:
    """Bundles as folders below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, manifest: Manifest, files: Mapping[str, bytes]) -> str:
        check_files(manifest, files)
        content = encode_manifest(manifest)
        digest = digest_bytes(content)
        folder = self._folder(digest)
        if folder.exists():
            return digest
        self._root.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        temporary = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._root))
        try:
            for name, body in {**files, MANIFEST: content}.items():
                _write_durably(temporary / name, body)
            sync_folder(temporary)
            temporary.rename(folder)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            if not folder.exists():
                raise
        sync_folder(self._root)
        return digest

    def manifest(self, digest: str) -> Manifest:
        path = self._folder(digest) / MANIFEST
        if not path.is_file():
            raise NotFound(f"There is no bundle {digest} in {self._root}.")
        return decode_manifest(path.read_bytes(), digest)

    def read(self, digest: str, name: str) -> bytes:
        entry = self.manifest(digest).files.get(name)
        if entry is None:
            raise NotFound(f"Bundle {digest} has no file {name!r}.")
        path = self._folder(digest) / name
        content = path.read_bytes() if path.is_file() else None
        if content is None or digest_bytes(content) != entry.digest:
            raise IntegrityBroken(
                f"{name} of bundle {digest} is not what its manifest says.",
                "The file was changed or lost; restore it from a backup or train again.",
            )
        return content

    def digests(self) -> tuple[str, ...]:
        folders = self._root.glob("[0-9a-f]" * 64) if self._root.is_dir() else ()
        return tuple(sorted(f"sha256:{folder.name}" for folder in folders))

    def _remove_abandoned(self) -> None:
        """Remove what killed writers left."""
        for folder in self._root.glob(f"{_PARTIAL}*"):
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, digest: str) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound(f"There is no bundle {digest!r}.", "A bundle is named sha256:HEX.")
        return self._root / digest.removeprefix("sha256:")


def file_entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """The manifest's entries for `files`."""
    return {
        name: FileEntry(digest=digest_bytes(body), size=len(body)) for name, body in files.items()
    }


def check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Raises IntegrityBroken unless `files` are exactly what the manifest names, none a path."""
    for name in manifest.files:
        if _FILE_NAME.fullmatch(name) is None or name == MANIFEST:
            raise IntegrityBroken(f"{name!r} is not a file name that a bundle may hold.")
    if file_entries(files) != manifest.files:
        raise IntegrityBroken("The bundle's files are not those its manifest names.")


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

"""Stores of bundles, which are addressed by the digest of their manifest."""

from __future__ import annotations

import re
import shutil
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
from retread.core import IntegrityBroken, NotFound, digest_bytes, new_folder
from retread.core.files import PARTIAL

_ABANDONED_S = 3600.0
"""Age from which a partial bundle is certain to be left over from a killed process."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class BundleStore(Protocol):
    """Immutable bundles, each of which exists entirely or not at all."""

    def put(self, manifest: Manifest, files: Mapping[str, bytes]) -> str:
        """Store a bundle; storing it again has no effect.

        Args:
            manifest: The manifest, which names all files.
            files: Content of the files by name.

        Returns:
            The digest that identifies the bundle.

        Raises:
            IntegrityBroken: `files` are not the files that the manifest names.
        """
        ...

    def manifest(self, digest: str) -> Manifest:
        """Return the manifest of a bundle.

        Raises:
            NotFound: There is no such bundle.
            IntegrityBroken: The manifest was changed.
        """
        ...

    def read(self, digest: str, name: str) -> bytes:
        """Return the content of one file after verifying its digest.

        Raises:
            NotFound: There is no such bundle, or it has no such file.
            IntegrityBroken: The manifest or the file was changed.
        """
        ...

    def digests(self) -> tuple[str, ...]:
        """Return the digests of all bundles, sorted."""
        ...


class LocalBundleStore:
    """Bundles in folders below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, manifest: Manifest, files: Mapping[str, bytes]) -> str:
        """Store a bundle and return its digest; see `BundleStore.put`."""
        check_files(manifest, files)
        content = encode_manifest(manifest)
        digest = digest_bytes(content)
        folder = self._folder(digest)
        if folder.exists():
            return digest
        self._root.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        try:
            with new_folder(folder, durable=True) as partial:
                for name, body in {**files, MANIFEST: content}.items():
                    (partial / name).write_bytes(body)
        except OSError:
            # Another process may have stored the same bundle in the meantime.
            if not folder.exists():
                raise
        return digest

    def manifest(self, digest: str) -> Manifest:
        """Return the manifest of a bundle; see `BundleStore.manifest`."""
        path = self._folder(digest) / MANIFEST
        if not path.is_file():
            raise NotFound(f"There is no bundle {digest} in {self._root}.")
        return decode_manifest(path.read_bytes(), digest)

    def read(self, digest: str, name: str) -> bytes:
        """Return the content of one file; see `BundleStore.read`."""
        entry = self.manifest(digest).files.get(name)
        if entry is None:
            raise NotFound(f"Bundle {digest} has no file {name!r}.")
        path = self._folder(digest) / name
        content = path.read_bytes() if path.is_file() else None
        if content is None or digest_bytes(content) != entry.digest:
            raise IntegrityBroken(
                f"{name} of bundle {digest} does not match the manifest.",
                "The file was changed or lost. Restore it from a backup, or train the model again.",
            )
        return content

    def digests(self) -> tuple[str, ...]:
        """Return the digests of all bundles, sorted."""
        folders = self._root.glob("[0-9a-f]" * 64) if self._root.is_dir() else ()
        return tuple(sorted(f"sha256:{folder.name}" for folder in folders))

    def _remove_abandoned(self) -> None:
        """Remove partial bundles that killed processes left."""
        for folder in self._root.glob(f".*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, digest: str) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound(
                f"There is no bundle {digest!r}.", "Bundles are identified by sha256:HEX."
            )
        return self._root / digest.removeprefix("sha256:")


def file_entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """Return the manifest's entries for files, given by name."""
    return {
        name: FileEntry(digest=digest_bytes(body), size=len(body)) for name, body in files.items()
    }


def check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Check that files are exactly those that the manifest names.

    Raises:
        IntegrityBroken: They are not, or a name could be a path.
    """
    for name in manifest.files:
        if _FILE_NAME.fullmatch(name) is None or name == MANIFEST:
            raise IntegrityBroken(f"{name!r} is not a file name that is allowed in a bundle.")
    if file_entries(files) != manifest.files:
        raise IntegrityBroken("The files of the bundle do not match its manifest.")

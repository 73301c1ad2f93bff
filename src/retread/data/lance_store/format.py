"""The stored form of a dataset: column names, data files and their digests, and damaged files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from retread.core import IntegrityBroken
from retread.data.store import DIGEST, GROUP, ID
from retread.data.version import DatasetVersion

# Lance reads a dot as a path into a struct and a backtick as a quote, and has columns of its own,
# such as `_rowid`.
_ESCAPES = str.maketrans({"%": "%25", ".": "%2E", "`": "%60"})
_LANCE_PREFIX = "_row"


def stored_name(name: str) -> str:
    """Return the name under which Lance can store a column.

    >>> stored_name("sepal.length"), stored_name("_rowid")
    ('sepal%2Elength', '%5Frowid')
    """
    stored = name.translate(_ESCAPES)
    return "%5F" + stored[1:] if stored.startswith(_LANCE_PREFIX) else stored


def column_name(stored: str) -> str:
    """Return the original name of a stored column.

    >>> column_name("sepal%2Elength")
    'sepal.length'
    """
    return unquote(stored)


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with stored names, and without compression of images and digests.

    They cannot be made much smaller; trying to would take most of the time of a write.
    """
    renamed = [field.with_name(stored_name(field.name)) for field in schema]
    plain = {"lance-encoding:compression": "none"}
    return pa.schema([f.with_metadata(plain) if _is_dense(f) else f for f in renamed])


def _is_dense(field: pa.Field) -> bool:
    return pa.types.is_large_binary(field.type) or field.name in (ID, GROUP, DIGEST)


def quoted(ids: Iterable[str]) -> str:
    """Return ids as a list of SQL string literals."""
    return ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids)


def file_digests(
    folder: Path, fragments: Collection[Any], known: Mapping[str, str]
) -> dict[str, str]:
    """Return the sha256 of every data file of `fragments`; known ones are not read again."""
    names = [file.path for fragment in fragments for file in fragment.files]
    return {name: known.get(name) or _digest(folder, name) for name in sorted(names)}


def check_files(folder: Path, version: DatasetVersion, digests: Mapping[str, str]) -> None:
    """Compare the data files of a version with the digests recorded at commit.

    Raises:
        IntegrityBroken: A file is missing or was changed.
    """
    for name, digest in digests.items():
        path = folder / "data" / name
        if not path.is_file():
            raise damaged(version.reference, FileNotFoundError(f"{path} is missing"))
        if _digest(folder, name) != digest:
            raise IntegrityBroken(
                f"{path} of {version.reference} was changed after it was written.",
                "Restore it from a backup.",
            )


@contextmanager
def translated_errors(version: DatasetVersion) -> Iterator[None]:
    """Translate Lance's many errors on damaged files to IntegrityBroken."""
    try:
        yield
    except (IntegrityBroken, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        # A panic of Lance's Rust code is a BaseException of a class of its own.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise damaged(version.reference, error) from error
        raise


def damaged(name: str, error: BaseException) -> IntegrityBroken:
    """Return the error for stored data of `name` that cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return IntegrityBroken(
        f"The stored data of {name} cannot be read: {reason}.",
        "Restore it from a backup, or add the data again under another name.",
    )


def _digest(folder: Path, name: str) -> str:
    with (folder / "data" / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""What may go wrong when stored bytes are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from retread.core import IntegrityBroken
from retread.data.version import DatasetVersion


@contextmanager
def translated_reads(version: DatasetVersion) -> Iterator[None]:
    """Lance's many ways to fail on damaged files become IntegrityBroken."""
    try:
        yield
    except (IntegrityBroken, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        # A panic of Lance's Rust code is a BaseException of a class of its own.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise damage(version.reference, error) from error
        raise


def damage(name: str, error: BaseException) -> IntegrityBroken:
    """What to say when stored data cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return IntegrityBroken(
        f"The stored data of {name} cannot be read: {reason}.",
        "Restore it from a backup, or add the data again under another name.",
    )


def checked_files(folder: Path, version: DatasetVersion, files: Mapping[str, str]) -> None:
    """Compare every data file with the digest it was committed with; IntegrityBroken."""
    for name, digest in files.items():
        path = folder / "data" / name
        if not path.is_file():
            raise damage(version.reference, FileNotFoundError(f"{path} is missing"))
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise IntegrityBroken(
                    f"{path} of {version.reference} was changed after it was written.",
                    "Restore it from a backup.",
                )

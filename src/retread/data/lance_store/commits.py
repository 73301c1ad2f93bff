"""The dataset versions among the commits of a Lance dataset.

The metadata of a version is stored in the properties of the commit that writes its rows, so a
version exists entirely or not at all. Lance lets two commits that do not touch the same rows both
succeed, one on top of the other; a commit therefore counts as a version only if it directly
follows the commit that it was prepared for (`base`). Versions are found from the commits alone.
Tags protect them from being cleaned up, and record which ones were released manually.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from retread.core import IntegrityBroken, InvalidInput, canonical_json, digest_bytes
from retread.data.version import DatasetVersion

_VERSION = "retread.version"
_BASE = "retread.base"
_FILES = "retread.files"
_DIGEST = "retread.digest"
_NUMBER_TAG = "v"
_RELEASED_TAG = "released-"


@dataclass(frozen=True, slots=True)
class CommittedVersion:
    """A version as it was committed, with the sha256 of its data files by name."""

    commit: int
    version: DatasetVersion
    files: dict[str, str]


def properties(version: DatasetVersion, base: int, files: dict[str, str]) -> dict[str, str]:
    """Return the properties of the commit that writes a version.

    Args:
        version: The version.
        base: The number of the commit that it must directly follow.
        files: The sha256 of its data files by name.

    Raises:
        InvalidInput: The metadata could not be read back.
    """
    encoded = _encoded(version)
    try:
        msgspec.json.decode(encoded, type=DatasetVersion)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"The metadata of {version.reference} cannot be stored: {error}.", "Nothing was added."
        ) from error
    content = {
        _VERSION: encoded.decode(),
        _FILES: canonical_json(files).decode(),
        _BASE: str(base),
    }
    return {**content, _DIGEST: digest_bytes(canonical_json(content))}


def recorded(dataset: Any, commit: int) -> CommittedVersion | None:
    """Return the version that a Lance commit made, None if it is not a version's.

    Raises:
        IntegrityBroken: The metadata was changed after it was written.
    """
    found = dataset.read_transaction(commit)
    values = dict(found.transaction_properties) if found is not None else {}
    digest = values.pop(_DIGEST, None)
    if digest is None or values.get(_BASE) != str(commit - 1):
        return None
    if digest_bytes(canonical_json(values)) != digest:
        raise IntegrityBroken(
            f"The metadata of commit {commit} of {dataset.uri} was changed after it was written.",
            "Restore the dataset from a backup.",
        )
    return CommittedVersion(
        commit=commit,
        version=msgspec.json.decode(values[_VERSION], type=DatasetVersion),
        files=msgspec.json.decode(values[_FILES], type=dict[str, str]),
    )


def commit_numbers(dataset: Any) -> list[int]:
    """Return the numbers of all Lance commits in order, including those that are not versions."""
    return sorted(entry["version"] for entry in dataset.versions())


def released_numbers(dataset: Any) -> set[int]:
    """Return the numbers of the versions that were released manually."""
    tags = dataset.tags.list()
    found = (tag for tag in tags if tag.startswith(_RELEASED_TAG))
    return {int(tag.removeprefix(_RELEASED_TAG)) for tag in found}


def tag_missing(dataset: Any, found: Iterable[CommittedVersion]) -> None:
    """Tag the versions whose process was killed before it could tag them."""
    tags = dataset.tags.list()
    for entry in found:
        if _tag_of(entry.version.number) not in tags:
            tag_version(dataset, entry.version.number, entry.commit)


def tag_version(dataset: Any, number: int, commit: int) -> None:
    """Protect a version from being cleaned up."""
    _tag(dataset, _tag_of(number), commit)


def tag_released(dataset: Any, number: int, commit: int) -> None:
    """Record that a version was released from quarantine manually."""
    _tag(dataset, f"{_RELEASED_TAG}{number}", commit)


def _encoded(version: DatasetVersion) -> bytes:
    fields = msgspec.to_builtins(version, str_keys=True)
    # msgspec writes UTC as "Z"; the stored form has "+00:00".
    fields["created_at"] = version.created_at.isoformat(timespec="seconds")
    return canonical_json(fields)


def _tag_of(number: int) -> str:
    return f"{_NUMBER_TAG}{number}"


def _tag(dataset: Any, tag: str, commit: int) -> None:
    try:
        dataset.tags.create(tag, commit)
    except ValueError:
        # Another process set the tag at the same time, to the same commit.
        if dataset.tags.list().get(tag, {}).get("version") != commit:
            raise

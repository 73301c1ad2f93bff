"""Which Lance commits are dataset versions.

A version's metadata travels in the properties of the very commit that makes its rows, so it
exists entirely or not at all. Lance lets two commits that do not touch the same rows both
succeed, one on top of the other; a commit therefore counts only if it directly follows the state
it was made for (`base`). Versions are found from the commits alone. Tags keep them from being
cleaned up, and remember what a person released.
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
class Recorded:
    """A version as it was committed; `files` are the sha256 of its data files by name."""

    commit: int
    version: DatasetVersion
    files: dict[str, str]


def properties(version: DatasetVersion, base: int, files: dict[str, str]) -> dict[str, str]:
    """What to put into the commit that makes `version`. InvalidInput if it could not be read."""
    encoded = canonical_json(version)
    try:
        msgspec.json.decode(encoded, type=DatasetVersion)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"What is known of {version.reference} cannot be kept: {error}.", "Nothing was added."
        ) from error
    content = {
        _VERSION: encoded.decode(),
        _FILES: canonical_json(files).decode(),
        _BASE: str(base),
    }
    return {**content, _DIGEST: digest_bytes(canonical_json(content))}


def recorded(dataset: Any, commit: int) -> Recorded | None:
    """The version that a Lance commit made, or None. IntegrityBroken."""
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
    return Recorded(
        commit=commit,
        version=msgspec.json.decode(values[_VERSION], type=DatasetVersion),
        files=msgspec.json.decode(values[_FILES], type=dict[str, str]),
    )


def commits(dataset: Any) -> list[int]:
    """Every Lance commit there is, in order: those of versions, and others."""
    return sorted(entry["version"] for entry in dataset.versions())


def released_numbers(dataset: Any) -> set[int]:
    """The versions that were released by a person."""
    tags = dataset.tags.list()
    found = (tag for tag in tags if tag.startswith(_RELEASED_TAG))
    return {int(tag.removeprefix(_RELEASED_TAG)) for tag in found}


def tag_missing(dataset: Any, found: Iterable[Recorded]) -> None:
    """Tag the versions whose adder was killed before it could."""
    tags = dataset.tags.list()
    for entry in found:
        if _tag_of(entry.version.number) not in tags:
            tag_version(dataset, entry.version.number, entry.commit)


def tag_version(dataset: Any, number: int, commit: int) -> None:
    """Keep a version from being cleaned up."""
    _tag(dataset, _tag_of(number), commit)


def tag_released(dataset: Any, number: int, commit: int) -> None:
    """Remember that a person let a version out of quarantine."""
    _tag(dataset, f"{_RELEASED_TAG}{number}", commit)


def _tag_of(number: int) -> str:
    return f"{_NUMBER_TAG}{number}"


def _tag(dataset: Any, tag: str, commit: int) -> None:
    try:
        dataset.tags.create(tag, commit)
    except ValueError:
        # Somebody else has set it meanwhile; it can only be the same.
        if dataset.tags.list().get(tag, {}).get("version") != commit:
            raise

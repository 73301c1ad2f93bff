"""Which Lance commits are dataset versions.

A version's metadata travels in the properties of the very commit that makes its rows, so it
exists entirely or not at all. Lance lets two commits that do not touch the same rows both
succeed, one on top of the other; a commit therefore counts only if it directly follows the state
it was made for (`base`). Tags make versions quick to find and keep them from being cleaned up: a
missing one is found again from the commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from retread.core import IntegrityBroken, canonical_json, digest_bytes
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
    """What to put into the commit that makes `version`."""
    content = {
        _VERSION: canonical_json(version).decode(),
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


def tagged_commits(dataset: Any) -> tuple[dict[int, int], set[int]]:
    """Commits of versions by number, and the numbers that were released by a person."""
    commits, released = {}, set()
    for tag, entry in dataset.tags.list().items():
        if tag.startswith(_RELEASED_TAG):
            released.add(int(tag.removeprefix(_RELEASED_TAG)))
        elif tag.startswith(_NUMBER_TAG):
            commits[int(tag.removeprefix(_NUMBER_TAG))] = int(entry["version"])
    return commits, released


def untagged_commits(dataset: Any, after: int) -> list[int]:
    """Commits after the last tagged one: of versions whose tag was not written, and others."""
    return [entry["version"] for entry in dataset.versions() if entry["version"] > after]


def tag_version(dataset: Any, number: int, commit: int) -> None:
    """Make a version quick to find."""
    _tag(dataset, f"{_NUMBER_TAG}{number}", commit)


def tag_released(dataset: Any, number: int, commit: int) -> None:
    """Remember that a person let a version out of quarantine."""
    _tag(dataset, f"{_RELEASED_TAG}{number}", commit)


def _tag(dataset: Any, tag: str, commit: int) -> None:
    try:
        dataset.tags.create(tag, commit)
    except ValueError:
        # Somebody else has set it meanwhile; it can only be the same.
        if dataset.tags.list().get(tag, {}).get("version") != commit:
            raise

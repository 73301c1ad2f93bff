"""Verify the ledger's hash chain and all stored bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from retread.bundle import BundleStore
from retread.core import IntegrityBroken, NotFound, short
from retread.registry.events import VersionRegistered
from retread.registry.ledger import Entry, Ledger


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The number of entries and bundles checked, and one sentence per problem found."""

    entries: int
    bundles: int
    problems: tuple[str, ...]


def audit(ledger: Ledger, bundles: BundleStore) -> AuditReport:
    """Verify the ledger's chain, and the files of every bundle against its manifest.

    Args:
        ledger: The ledger; bundles that it names must exist.
        bundles: The store; bundles that were never registered are checked as well.
    """
    problems: list[str] = []
    count = 0
    registered: set[str] = set()
    try:
        count = ledger.verify()
        registered = _registered(ledger.read())
    except IntegrityBroken as error:
        problems.append(str(error))
    digests = sorted(registered | set(bundles.digests()))
    for digest in digests:
        problems.extend(_bundle_problems(bundles, digest))
    return AuditReport(entries=count, bundles=len(digests), problems=tuple(problems))


def _registered(entries: Sequence[Entry]) -> set[str]:
    return {e.event.bundle for e in entries if isinstance(e.event, VersionRegistered)}


def _bundle_problems(bundles: BundleStore, digest: str) -> Iterator[str]:
    try:
        manifest = bundles.manifest(digest)
    except (IntegrityBroken, NotFound) as error:
        yield str(error)
        return
    for name in manifest.files:
        try:
            bundles.read(digest, name)
        except IntegrityBroken as error:
            yield f"Bundle {short(digest)}: {error}"

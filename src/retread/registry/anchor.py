"""A second record of the ledger's head, outside the database, to detect a truncated ledger."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from sqlalchemy.engine import make_url

from retread.core import IntegrityBroken
from retread.core.files import lock_descriptor
from retread.registry.hash_chain import Head

SUFFIX = ".head"

_RECORD = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")

log = logging.getLogger(__name__)


class FileAnchor:
    """Records the head of the ledger in a file; it only moves forward.

    It is written after the commit and not synced to disk: after a crash it may be behind, never
    ahead. All records have the same length and overwrite each other, so none is ever torn.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The name of the file, for messages."""
        return self._path.name

    def advance(self, head: Head) -> None:
        """Record `head`, unless a later one is recorded already."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            # What was committed stays committed; the next append tries again.
            log.warning("%s could not be written: %s", self._path, error)
            return
        try:
            lock_descriptor(descriptor)
            if head.sequence > _decoded(os.pread(descriptor, 128, 0), self.name).sequence:
                os.pwrite(descriptor, b"%020d %s\n" % (head.sequence, head.hash.encode()), 0)
        except (OSError, IntegrityBroken) as error:
            # A damaged anchor is left for `verify` to report.
            log.warning("%s could not be written: %s", self._path, error)
        finally:
            os.close(descriptor)

    def read(self) -> Head:
        """Return the recorded head, or that of an empty ledger if none is recorded.

        Raises:
            IntegrityBroken: The file is damaged.
        """
        return _decoded(self._path.read_bytes(), self.name) if self._path.is_file() else Head()


def anchor_of(url: str) -> FileAnchor | None:
    """Return the anchor next to a SQLite file; None for other databases."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    path = Path(address.database)
    return FileAnchor(path.with_name(path.name + SUFFIX))


def _decoded(content: bytes, name: str) -> Head:
    if not content:
        return Head()
    record = _RECORD.fullmatch(content)
    if record is None:
        raise IntegrityBroken(
            f"{name} does not hold the head of a ledger.",
            "It was edited outside of Retread; restore it from a backup.",
        )
    return Head(int(record[1]), record[2].decode())

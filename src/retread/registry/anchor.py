"""A second memory of the ledger's end, beside the database, so that a cut-off tail is found."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from pathlib import Path

from sqlalchemy.engine import make_url

from retread.core import IntegrityBroken
from retread.registry.chain import Head

SUFFIX = ".head"

_RECORD = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")

log = logging.getLogger(__name__)


class FileAnchor:
    """The head of the ledger in a file; it only moves forward.

    It is written after the commit and not waited for, so that it may be behind after a crash,
    never ahead. A record has one length and is written over the last, so it is never half there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        return self._path.name

    def advance(self, head: Head) -> None:
        """Remember `head`, unless a later one is remembered already."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            # What was committed stays committed; the next append tries again.
            log.warning("%s could not be written: %s", self._path, error)
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if head.sequence > _decoded(os.pread(descriptor, 128, 0), self.place).sequence:
                os.pwrite(descriptor, b"%020d %s\n" % (head.sequence, head.hash.encode()), 0)
        except (OSError, IntegrityBroken) as error:
            # A spoilt anchor is left for `verify` to report.
            log.warning("%s could not be written: %s", self._path, error)
        finally:
            os.close(descriptor)

    def read(self) -> Head:
        """What is remembered; the start of the chain where nothing is. IntegrityBroken."""
        return _decoded(self._path.read_bytes(), self.place) if self._path.is_file() else Head()


def anchor_of(url: str) -> FileAnchor | None:
    """The anchor beside a SQLite file; other databases have the head table alone."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    path = Path(address.database)
    return FileAnchor(path.with_name(path.name + SUFFIX))


def _decoded(content: bytes, place: str) -> Head:
    if not content:
        return Head()
    record = _RECORD.fullmatch(content)
    if record is None:
        raise IntegrityBroken(
            f"{place} does not hold a place in the ledger.",
            "It was edited outside of Retread; restore it from a backup.",
        )
    return Head(int(record[1]), record[2].decode())

"""Which request ids were answered, looked up in the newest part of the traffic log."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from retread.serving.recording.traffic_log import segments_of

_MOST_BYTES = 64_000_000
"""How much of the log is read for one lookup, newest segments first."""

_ID = re.compile(rb'^\{"id":"([^"\\]+)"', re.MULTILINE)


class AnsweredIds:
    """Looks up request ids in a traffic log, whichever process answered."""

    def __init__(self, folder: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        """Prepare a lookup.

        Args:
            folder: The folder of the traffic log.
            most_bytes: How much of the log is read for one lookup.
        """
        self._folder = folder
        self._most_bytes = most_bytes

    def of(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that were answered lately."""
        wanted = {request_id.encode() for request_id in ids}
        found: set[bytes] = set()
        budget = self._most_bytes
        for path in self._newest_first():
            if found == wanted or budget <= 0:
                break
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # it has expired since the folder was listed
                continue
            budget -= len(content)
            found |= wanted.intersection(_ID.findall(content))
        return {request_id.decode() for request_id in found}

    def _newest_first(self) -> list[Path]:
        writers = [path for path in self._folder.glob("w[0-9]*") if path.is_dir()]
        paths = [segment.path for writer in writers for segment in segments_of(writer)]
        times: dict[Path, float] = {}
        for path in paths:
            try:
                times[path] = path.stat().st_mtime
            except FileNotFoundError:
                continue
        return sorted(times, key=times.__getitem__, reverse=True)

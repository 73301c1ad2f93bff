"""[data] source, watched: what changed in it becomes a dataset version."""

from __future__ import annotations

import logging

from retread.core import Conflict, RetreadError, Unavailable
from retread.loop.ports import Data
from retread.loop.record_data import record_version
from retread.registry import Ledger

log = logging.getLogger(__name__)


class WatchedSource:
    """Versions what the source holds once it changed, and two looks agree on what it holds now.

    A folder that is being copied is another one at every look.
    """

    def __init__(self, data: Data, ledger: Ledger) -> None:
        self._data = data
        self._ledger = ledger
        self._looked = ""
        self._added = ""

    def look(self) -> None:
        found = self._data.fingerprint()
        is_settled = found == self._looked
        self._looked = found
        if not is_settled or found in ("", self._added):
            return
        try:
            record_version(self._ledger, self._data.add_source())
        except (Conflict, Unavailable) as error:
            log.warning("[data] source is added with the next look: %s", error)
            return
        except RetreadError as error:
            log.warning("[data] source changed, and cannot be added: %s", error)
        # Good or bad: what is wrong with it is not said every few seconds.
        self._added = found

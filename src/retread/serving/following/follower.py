"""Follows the ledger: loads beside, warms, swaps, acknowledges."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from retread.core import Clock, RetreadError, short
from retread.registry.events import Slot
from retread.registry.fold import fold
from retread.registry.ledger import Ledger
from retread.registry.servers import HEARTBEAT_S, Applied, ServerDirectory
from retread.registry.state import RegistryState, SlotState
from retread.serving.following.last_good import LastGood, LastGoodFile
from retread.serving.following.likeness import check_alike
from retread.serving.following.loader import Loader
from retread.serving.slots import SlotEntry, SlotHolder, SlotTable

POLL_S = 0.1
_RETRY_S = 5.0
_RETRY_MOST_S = 300.0
_COMPARED = (Slot.CANARY, Slot.SHADOW)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Retry:
    """When a slot that failed at `generation` is tried again, `wait` seconds after it failed."""

    generation: int
    wait: float
    at: float


class Follower:
    """Keeps a server's slots what the ledger says they are.

    `catch_up` does one look; `start` does so in a thread until `stop`, and another says every
    HEARTBEAT_S that this server lives. While the database does
    not answer, what serves goes on serving.
    """

    def __init__(
        self,
        *,
        server_id: str,
        ledger: Ledger,
        servers: ServerDirectory,
        loader: Loader,
        slots: SlotHolder,
        last_good: LastGoodFile,
        clock: Clock,
        prepare: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        """`prepare` makes the database's tables; it is called until it succeeds once. `stop` sets
        `stopping`, for the loader to hear of it."""
        self.server_id = server_id
        self._ledger = ledger
        self._servers = servers
        self._loader = loader
        self._slots = slots
        self._last_good = last_good
        self._good = dict(last_good.read().slots)
        self._clock = clock
        self._prepare: Callable[[], None] | None = prepare
        self._sequence = 0
        self._state = RegistryState()
        self._wanted: dict[Slot, SlotState] = {}
        self._applied: dict[Slot, Applied] = {}
        self._announced = False
        self._announcing = threading.Lock()
        self._retries: dict[Slot, _Retry] = {}
        self._away = False
        self._stopping = stopping
        # Two threads: loading may take longer than a server may be silent.
        self._threads = (
            threading.Thread(target=self._run, name="follower", daemon=True),
            threading.Thread(target=self._beat, name="heartbeat", daemon=True),
        )

    def restore(self) -> None:
        """Serve what served last on this machine."""
        self._wanted = dict(self._good)
        self._apply()

    def catch_up(self) -> bool:
        """Look at the ledger once; False when the database did not answer."""
        try:
            if self._look() or not self._announced:
                self._announce()
        except RetreadError as error:
            if not self._away:
                logger.warning("Serving goes on without the ledger: %s", error)
            self._away = True
            return False
        self._away = False
        return True

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the thread and leave the directory of servers."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        try:
            self._servers.forget(self.server_id)
        except RetreadError as error:
            logger.warning("The server could not say that it ends: %s", error)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                self.catch_up()
            except Exception:
                logger.exception("The ledger could not be followed; trying again.")

    def _beat(self) -> None:
        while not self._stopping.wait(HEARTBEAT_S):
            try:
                if self._prepare is None:
                    self._announce()
            except RetreadError as error:
                logger.debug("No heartbeat: %s", error)
            except Exception:
                logger.exception("No heartbeat; trying again.")

    def _announce(self) -> None:
        # What is said must not be older than what was said before.
        with self._announcing:
            self._servers.announce(self.server_id, dict(self._applied))
        self._announced = True

    def _look(self) -> bool:
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        entries = self._ledger.read(after=self._sequence)
        if entries:
            self._state = fold(entries, self._state)
            self._wanted = self._state.latest
            self._sequence = entries[-1].sequence
        return self._apply()

    def _apply(self) -> bool:
        """Bring every slot that is behind up to what is wanted; whether anything was done."""
        behind = [slot for slot in Slot if self._is_behind(slot)]
        # Production first: the others are measured against it.
        for slot in behind:
            self._bring(slot, self._wanted[slot])
        if behind:
            self._remember()
        return bool(behind)

    def _is_behind(self, slot: Slot) -> bool:
        wanted = self._wanted.get(slot)
        if wanted is None:
            return False
        applied = self._applied.get(slot)
        if applied is None or applied.generation < wanted.generation:
            return True
        retry = self._retries.get(slot)
        return retry is not None and self._clock.monotonic() >= retry.at

    def _bring(self, slot: Slot, wanted: SlotState) -> None:
        try:
            entry = self._entry(slot, wanted) if wanted.bundle else None
        except RetreadError as error:
            if self._stopping.is_set():
                return  # what was interrupted says nothing about the bundle
            logger.error("%s keeps what it has: %s", slot, error)
            self._keep(slot, wanted)
            self._failed(slot, wanted, error)
            return
        self._swap(self._slots.table.with_entry(slot, wanted.generation, entry))
        self._retries.pop(slot, None)
        self._applied[slot] = Applied(generation=wanted.generation, bundle=wanted.bundle)
        self._good[slot] = wanted
        served = f"version {wanted.version} ({short(wanted.bundle)})" if entry else "nobody"
        logger.info("%s: %s from generation %d on", slot, served, wanted.generation)

    def _swap(self, table: SlotTable) -> None:
        """Let `table` serve, without those who cannot be compared with its production."""
        unlike = _unlike(table)
        for slot in unlike:
            table = table.without(slot)
        self._slots.table = table
        for slot, error in unlike.items():
            logger.error("%s is emptied: %s", slot, error)
            self._failed(slot, self._wanted[slot], error)

    def _failed(self, slot: Slot, wanted: SlotState, error: RetreadError) -> None:
        """Say so, and try again later, ever more rarely: a disk or a machine may recover."""
        last = self._retries.get(slot)
        wait = _RETRY_S
        if last is not None and last.generation == wanted.generation:
            wait = min(2 * last.wait, _RETRY_MOST_S)
        self._retries[slot] = _Retry(wanted.generation, wait, self._clock.monotonic() + wait)
        current = self._slots.table.entry(slot)
        bundle = current.runtime.bundle if current else ""
        self._applied[slot] = Applied(generation=wanted.generation, bundle=bundle, error=str(error))

    def _keep(self, slot: Slot, wanted: SlotState) -> None:
        """After a restart there may be nothing to keep: then what served here last."""
        good = self._good.get(slot)
        if self._slots.table.entry(slot) is not None or good is None:
            return
        if good.bundle and good.bundle != wanted.bundle:
            try:
                entry = self._entry(slot, good)
            except RetreadError as error:
                logger.error("%s stays empty: %s", slot, error)
            else:
                self._swap(self._slots.table.with_entry(slot, good.generation, entry))

    def _entry(self, slot: Slot, wanted: SlotState) -> SlotEntry:
        runtime = self._loader.load(wanted.bundle)
        production = self._slots.table.production
        if slot in _COMPARED and production is not None:
            check_alike(runtime, production.runtime)
        return SlotEntry(slot, wanted.version, wanted.generation, wanted.share, runtime)

    def _remember(self) -> None:
        self._loader.release(entry.runtime.bundle for entry in self._slots.table.entries)
        self._last_good.write(LastGood(slots=self._good, tried=self._loader.tried))


def _unlike(table: SlotTable) -> dict[Slot, RetreadError]:
    """The slots that are compared with production and cannot be, each with the reason."""
    found: dict[Slot, RetreadError] = {}
    for slot in _COMPARED:
        entry = table.entry(slot)
        if entry is not None and table.production is not None:
            try:
                check_alike(entry.runtime, table.production.runtime)
            except RetreadError as error:
                found[slot] = error
    return found

"""Reconciling slots: load, warm and swap in what the ledger says, then acknowledge it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from retread.core import Backoff, Clock, RetreadError, short
from retread.registry.events import Slot
from retread.registry.fold import fold
from retread.registry.ledger import Ledger
from retread.registry.servers import HEARTBEAT_S, Applied, ServerDirectory
from retread.registry.state import RegistryState, SlotState
from retread.serving.reconcile.bundle_loader import BundleLoader
from retread.serving.reconcile.compatibility import (
    COMPARED_SLOTS,
    check_compatible,
    incompatible_slots,
)
from retread.serving.reconcile.last_known_good import LastKnownGood, LastKnownGoodFile
from retread.serving.slots import SlotEntry, SlotHolder, SlotTable

POLL_S = 0.1
_BACKOFF = Backoff(first_s=5.0, longest_s=300.0)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Retry:
    """When a slot that failed at `generation` for the n-th time is tried again."""

    generation: int
    failures: int
    at: float


class SlotReconciler:
    """Makes a server's slots what the ledger says they are.

    `reconcile` does so once; `start` does so in a thread until `stop`, while another thread sends
    a heartbeat every HEARTBEAT_S. While the database is unavailable, the slots stay as they are.
    """

    def __init__(
        self,
        *,
        server_id: str,
        ledger: Ledger,
        servers: ServerDirectory,
        loader: BundleLoader,
        slots: SlotHolder,
        last_known_good: LastKnownGoodFile,
        clock: Clock,
        prepare: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        """Prepare the reconciler.

        Args:
            server_id: Id of this server in the directory.
            ledger: Says what should be in the slots.
            servers: Where this server announces what it has applied.
            loader: Loads bundles.
            slots: The slots of this server.
            last_known_good: What to serve if the ledger cannot be read at the start.
            clock: Tells when to try again.
            prepare: Makes the database's tables; it is called until it succeeds once.
            stopping: Set by `stop`; the loader's sandbox watches it as well.
        """
        self.server_id = server_id
        self._ledger = ledger
        self._servers = servers
        self._loader = loader
        self._slots = slots
        self._last_known_good = last_known_good
        self._good = dict(last_known_good.read().slots)
        self._clock = clock
        self._prepare: Callable[[], None] | None = prepare
        self._sequence = 0
        self._state = RegistryState()
        self._desired: dict[Slot, SlotState] = {}
        self._applied: dict[Slot, Applied] = {}
        self._announced = False
        self._announcing = threading.Lock()
        self._retries: dict[Slot, _Retry] = {}
        self._is_offline = False
        self._stopping = stopping
        # Two threads: loading a bundle may take longer than a server may be silent.
        self._threads = (
            threading.Thread(target=self._run, name="reconciler", daemon=True),
            threading.Thread(target=self._run_heartbeat, name="heartbeat", daemon=True),
        )

    def restore(self) -> None:
        """Put into the slots what was last served on this machine."""
        self._desired = dict(self._good)
        self._apply()

    def reconcile(self) -> bool:
        """Read the ledger and apply it once; return False if the database is unavailable."""
        try:
            if self._read_and_apply() or not self._announced:
                self._announce()
        except RetreadError as error:
            if not self._is_offline:
                logger.warning("Serving continues without the ledger: %s", error)
            self._is_offline = True
            return False
        self._is_offline = False
        return True

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads and leave the directory of servers."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        try:
            self._servers.forget(self.server_id)
        except RetreadError as error:
            logger.warning("The server could not leave the directory: %s", error)

    # The threads.

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                self.reconcile()
            except Exception:
                logger.exception("The slots could not be reconciled; trying again.")

    def _run_heartbeat(self) -> None:
        while not self._stopping.wait(HEARTBEAT_S):
            try:
                if self._prepare is None:
                    self._announce()
            except RetreadError as error:
                logger.debug("No heartbeat: %s", error)
            except Exception:
                logger.exception("The heartbeat failed; trying again.")

    def _announce(self) -> None:
        # Under a lock, so that no announcement is older than the one before it.
        with self._announcing:
            self._servers.announce(self.server_id, dict(self._applied))
        self._announced = True

    # One reconciliation.

    def _read_and_apply(self) -> bool:
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        entries = self._ledger.read(after=self._sequence)
        if entries:
            self._state = fold(entries, self._state)
            self._desired = self._state.latest
            self._sequence = entries[-1].sequence
        return self._apply()

    def _apply(self) -> bool:
        """Bring every slot up to date; return whether there was anything to do."""
        # Production first: the other slots are compared with it.
        outdated = [slot for slot in Slot if self._is_outdated(slot)]
        for slot in outdated:
            self._reconcile_slot(slot, self._desired[slot])
        if outdated:
            self._remember()
        return bool(outdated)

    def _is_outdated(self, slot: Slot) -> bool:
        desired = self._desired.get(slot)
        if desired is None:
            return False
        applied = self._applied.get(slot)
        if applied is None or applied.generation < desired.generation:
            return True
        retry = self._retries.get(slot)
        return retry is not None and self._clock.monotonic() >= retry.at

    def _reconcile_slot(self, slot: Slot, desired: SlotState) -> None:
        try:
            entry = self._load(slot, desired)
        except RetreadError as error:
            if self._stopping.is_set():
                return  # an interrupted load says nothing about the bundle
            logger.error("Slot %s is unchanged: %s", slot, error)
            self._restore_slot(slot, desired)
            self._report_failure(slot, desired, error)
            return
        self._swap(self._slots.table.with_entry(slot, desired.generation, entry))
        self._retries.pop(slot, None)
        self._applied[slot] = Applied(generation=desired.generation, bundle=desired.bundle)
        self._good[slot] = desired
        content = f"version {entry.version} ({short(entry.runtime.bundle)})" if entry else "empty"
        logger.info("Slot %s is %s, generation %d", slot, content, desired.generation)

    def _load(self, slot: Slot, state: SlotState) -> SlotEntry | None:
        """Return the entry that `state` describes; None if the slot is to be empty."""
        if state.bundle is None or state.version is None:
            return None
        runtime = self._loader.load(state.bundle)
        production = self._slots.table.production
        if slot in COMPARED_SLOTS and production is not None:
            check_compatible(runtime, production.runtime)
        return SlotEntry(slot, state.version, state.generation, state.share, runtime)

    def _swap(self, table: SlotTable) -> None:
        """Serve `table`, without the slots that cannot be compared with its production."""
        incompatible = incompatible_slots(table)
        for slot in incompatible:
            table = table.without(slot)
        self._slots.table = table
        for slot, error in incompatible.items():
            logger.error("Slot %s was cleared: %s", slot, error)
            self._report_failure(slot, self._desired[slot], error)

    def _report_failure(self, slot: Slot, desired: SlotState, error: RetreadError) -> None:
        """Acknowledge with the error, and plan another try: a disk or a machine may recover."""
        last = self._retries.get(slot)
        failures = 1
        if last is not None and last.generation == desired.generation:
            failures += last.failures
        at = self._clock.monotonic() + _BACKOFF.pause_s(failures)
        self._retries[slot] = _Retry(desired.generation, failures, at)
        current = self._slots.table.entry(slot)
        bundle = current.runtime.bundle if current else ""
        self._applied[slot] = Applied(
            generation=desired.generation, bundle=bundle, error=str(error)
        )

    def _restore_slot(self, slot: Slot, desired: SlotState) -> None:
        """Put the last known good into a slot that is empty, as it is after a restart."""
        good = self._good.get(slot)
        if self._slots.table.entry(slot) is not None or good is None:
            return
        if good.bundle and good.bundle != desired.bundle:
            try:
                entry = self._load(slot, good)
            except RetreadError as error:
                logger.error("Slot %s stays empty: %s", slot, error)
            else:
                self._swap(self._slots.table.with_entry(slot, good.generation, entry))

    def _remember(self) -> None:
        self._loader.release(entry.runtime.bundle for entry in self._slots.table.entries)
        self._last_known_good.write(LastKnownGood(slots=self._good, tried=self._loader.tried))

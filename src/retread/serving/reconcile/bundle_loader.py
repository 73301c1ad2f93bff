"""Loading bundles: first in a sandbox, then here; the last few are kept warm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from retread.bundle import BundleStore
from retread.core import Unavailable
from retread.serving.runtime import Runtime, load_runtime

KEPT_WARM = 3
"""Models kept besides those in slots, so that a rollback loads nothing."""

_MAX_TRIED = 32

SandboxedLoad = Callable[[str], None]
"""Raises Unavailable if the bundle of this digest cannot be loaded on this machine."""


class BundleLoader:
    """Loaded models by the digest of their bundle."""

    def __init__(
        self, bundles: BundleStore, sandboxed_load: SandboxedLoad, tried: Iterable[str] = ()
    ) -> None:
        """Prepare a loader.

        Args:
            bundles: Where bundles come from.
            sandboxed_load: Loads a bundle where it can do no harm.
            tried: Digests of bundles for which this has succeeded already.
        """
        self._bundles = bundles
        self._sandboxed_load = sandboxed_load
        self._tried = dict.fromkeys(tried)
        self._warm: OrderedDict[str, Runtime] = OrderedDict()

    @property
    def tried(self) -> tuple[str, ...]:
        """Digests of bundles that were loaded on this machine, the latest last."""
        return tuple(self._tried)[-_MAX_TRIED:]

    def load(self, digest: str) -> Runtime:
        """Return a warm model; if this fails, nothing has changed.

        Raises:
            IntegrityBroken: The bundle is damaged.
            NotFound: There is no such bundle.
            Unavailable: It cannot be read or loaded on this machine.
        """
        runtime = self._warm.get(digest)
        if runtime is None:
            try:
                runtime = self._load(digest)
            except OSError as error:
                raise Unavailable(f"Bundle {digest} cannot be read: {error}.") from error
        self._warm[digest] = runtime
        self._warm.move_to_end(digest)
        return runtime

    def release(self, in_slots: Iterable[str]) -> None:
        """Let go of the oldest models that are neither in a slot nor to be kept warm."""
        in_use = set(in_slots)
        idle = [digest for digest in self._warm if digest not in in_use]
        for digest in idle[: max(0, len(idle) - KEPT_WARM)]:
            del self._warm[digest]

    def _load(self, digest: str) -> Runtime:
        self._bundles.manifest(digest)
        if digest not in self._tried:
            self._sandboxed_load(digest)
        runtime = load_runtime(self._bundles, digest)
        self._tried[digest] = None
        return runtime

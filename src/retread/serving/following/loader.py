"""Loading bundles: tried in a child process first, kept warm afterwards."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from retread.bundle import BundleStore
from retread.core import Unavailable
from retread.serving.runtime import Runtime, load_runtime

KEPT_WARM = 3
"""Models kept beside those that serve, so that a rollback loads nothing."""

TryLoad = Callable[[str], None]
"""Raises Unavailable when the bundle of this digest cannot be loaded here."""


class Loader:
    """Runtimes by bundle digest."""

    def __init__(self, bundles: BundleStore, try_load: TryLoad, tried: Iterable[str] = ()) -> None:
        self._bundles = bundles
        self._try_load = try_load
        self._tried = dict.fromkeys(tried)
        self._warm: OrderedDict[str, Runtime] = OrderedDict()

    @property
    def tried(self) -> tuple[str, ...]:
        """Bundles that were loaded here, the latest last."""
        return tuple(self._tried)[-32:]

    def load(self, digest: str) -> Runtime:
        """A warm runtime; IntegrityBroken, NotFound or Unavailable, and then nothing changed."""
        runtime = self._warm.get(digest)
        if runtime is None:
            try:
                runtime = self._loaded(digest)
            except OSError as error:
                raise Unavailable(f"Bundle {digest} cannot be read: {error}.") from error
        self._warm[digest] = runtime
        self._warm.move_to_end(digest)
        return runtime

    def release(self, serving: Iterable[str]) -> None:
        """Let go of the oldest models that neither serve nor are to be kept warm."""
        in_use = set(serving)
        idle = [digest for digest in self._warm if digest not in in_use]
        for digest in idle[: max(0, len(idle) - KEPT_WARM)]:
            del self._warm[digest]

    def _loaded(self, digest: str) -> Runtime:
        self._bundles.manifest(digest)
        if digest not in self._tried:
            self._try_load(digest)
        runtime = load_runtime(self._bundles, digest)
        self._tried[digest] = None
        return runtime

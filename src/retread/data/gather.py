"""Finding the source that reads what the user named."""

from __future__ import annotations

from typing import Protocol, cast

from retread.core import InvalidInput, NotFound, load_plugins
from retread.data import sources
from retread.data.gathered import SourceExamples, SourceRequest


class Source(Protocol):
    """What a module of `retread.data.sources` offers."""

    DESCRIPTION: str

    def accepts(self, request: SourceRequest) -> bool:
        """Whether the request is one for this source; it exists."""
        ...

    def gather(self, request: SourceRequest) -> SourceExamples:
        """Read it; InvalidInput when there is nothing to make a version of."""
        ...


def gather(request: SourceRequest) -> SourceExamples:
    """What the source holds. InvalidInput, NotFound."""
    if not request.source.exists():
        raise NotFound(
            f"There is no file or folder {request.source}.", "Check the path of the source."
        )
    known = [cast("Source", module) for module in load_plugins(sources).values()]
    for source in known:
        if source.accepts(request):
            return source.gather(request)
    kinds = "; ".join(source.DESCRIPTION for source in known)
    raise InvalidInput(
        f"{request.source} with labels {request.labels!r} is no kind of source that is known.",
        f"Known: {kinds}.",
    )

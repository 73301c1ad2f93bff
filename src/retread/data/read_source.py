"""Read a source with the kind that accepts it: one of the project's own, or a built-in one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

from retread.core import (
    InvalidInput,
    NotFound,
    accepts_arguments,
    code_of_user,
    import_from_string,
    invalid_plugin,
    load_plugins,
)
from retread.data import sources
from retread.data.source import Source, SourceExamples, SourceRequest

_KIND = "data source"
_INTERFACE = "retread.data.Source"


def read_source(request: SourceRequest) -> SourceExamples:
    """Read the examples of a source, with the first kind of source that accepts the request.

    The project's own kinds, named in [data] extra_sources, come before the built-in ones.

    Raises:
        InvalidInput: No kind of source accepts the request, the source cannot be read, or one of
            the project's own kinds does not implement `Source`.
        NotFound: The source, or a file that it names, does not exist.
    """
    if not request.source.exists():
        raise NotFound(
            f"There is no file or folder {request.source}.", "Check the path of the source."
        )
    extra = [_ExtraSource(name) for name in request.settings.extra_sources]
    built_in = [cast("Source", module) for module in load_plugins(sources).values()]
    known: list[Source] = [*extra, *built_in]
    for source in known:
        if source.accepts(request):
            return source.gather(request)
    raise InvalidInput(
        f"Unsupported source: {request.source} with labels {request.labels!r}.",
        f"Supported: {'; '.join(source.DESCRIPTION for source in known)}.",
    )


class _ExtraSource:
    """One of the project's own kinds, `package.module:Class`, checked against the interface."""

    def __init__(self, name: str) -> None:
        self._name = name
        own = import_from_string(_KIND, name, _INTERFACE)
        if isinstance(own, type) and not accepts_arguments(own, 0):
            raise self._invalid("it cannot be called without arguments")
        with self._reported_errors():
            self._source = own() if isinstance(own, type) else own
        for method in ("accepts", "gather"):
            function = getattr(self._source, method, None)
            if not callable(function):
                raise self._invalid(f"it has no method {method}()")
            if not accepts_arguments(function, 1):
                raise self._invalid(f"{method}() cannot be called with (request)")
        self.DESCRIPTION = getattr(self._source, "DESCRIPTION", None) or ""
        if not isinstance(self.DESCRIPTION, str) or not self.DESCRIPTION:
            raise self._invalid("it has no text DESCRIPTION")

    def accepts(self, request: SourceRequest) -> bool:
        with self._reported_errors():
            return bool(self._source.accepts(request))

    def gather(self, request: SourceRequest) -> SourceExamples:
        with self._reported_errors():
            examples = self._source.gather(request)
        if not isinstance(examples, SourceExamples):
            type_ = type(examples).__name__
            raise self._invalid(f"gather() returned an object of type {type_}, not SourceExamples")
        return examples

    def _reported_errors(self) -> AbstractContextManager[None]:
        return code_of_user(_KIND, self._name, _INTERFACE)

    def _invalid(self, problem: str) -> InvalidInput:
        return invalid_plugin(_KIND, self._name, _INTERFACE, problem)

"""Write docs/http.md from the routes: `python -m retread.serving.http.reference > docs/http.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from retread.serving.http.error_responses import STATUSES
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.routes import Endpoints, InferenceEndpoints, MetricsEndpoints

_HEADER = """# HTTP routes of the server

The server listens on `[serving] port`, by default 5001. `{model}` is the name of the project. A
request body may have up to `[serving] max_body_mb` megabytes. A response carries `X-Request-Id`:
the client's own id if it sent one, else a new one.

Written by `python -m retread.serving.http.reference`; do not edit.
"""
_ERRORS = """## Errors

An error is `{"error": {"code": ..., "message": ..., "hint": ...}}`. Besides these statuses, HTTP
itself has 404, 405, 408 and 415. 503 carries `Retry-After`. Anything else is 500: a bug, whose
traceback is in the server's log.

| status | code |
|---|---|
"""
_SECTIONS: tuple[tuple[str, type[Endpoints]], ...] = (
    ("Open Inference Protocol V2", InferenceEndpoints),
    ("MLflow", MlflowEndpoints),
    ("Metrics", MetricsEndpoints),
)


def http_reference() -> str:
    """Return the reference of the server's HTTP routes, in Markdown."""
    parts = [_HEADER]
    for title, endpoints in _SECTIONS:
        parts += [f"## {title}\n", *_entries(endpoints)]
    rows = sorted((status, kind.code) for kind, status in STATUSES)
    table = "".join(f"| {status} | `{code}` |\n" for status, code in rows)
    return "\n".join([*parts, _ERRORS + table])


def _entries(endpoints: type[Endpoints]) -> Iterator[str]:
    for spec in endpoints.TABLE:
        titles = ", ".join(f"`{spec.method} {path}`" for path in spec.paths)
        yield f"### {titles}\n\n{inspect.getdoc(spec.endpoint)}\n"


if __name__ == "__main__":
    sys.stdout.write(http_reference())

"""HTTP over the data plane: the Open Inference Protocol V2, MLflow's scoring routes, and metrics.

`retread.serving.http.server.HttpServer` listens on a socket; import it from there, so that this
package stays cheap to import. Other HTTP servers share its error responses.

>>> from retread.core import NotFound
>>> from retread.serving.http import status_of
>>> status_of(NotFound("no such model"))
404
"""

from retread.serving.http.error_responses import (
    RETRY_AFTER_S,
    HttpRefusal,
    error_body,
    error_handlers,
    error_response,
    status_of,
)

__all__ = [
    "RETRY_AFTER_S",
    "HttpRefusal",
    "error_body",
    "error_handlers",
    "error_response",
    "status_of",
]

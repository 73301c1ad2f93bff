"""HTTP over the data plane: the Open Inference Protocol V2 and the routes beside it.

`retread.serving.http.server.HttpServer` puts them on a socket; import it from there, so that
importing this package stays cheap. Its shape of errors is that of other HTTP servers, too.

>>> from retread.core import NotFound
>>> from retread.serving.http import status_of
>>> status_of(NotFound("no such model"))
404
"""

from retread.serving.http.problems import RETRY_AFTER_S, HttpRefusal, problem_body, status_of

__all__ = ["RETRY_AFTER_S", "HttpRefusal", "problem_body", "status_of"]

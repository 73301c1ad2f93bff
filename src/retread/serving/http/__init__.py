"""HTTP over the data plane: the Open Inference Protocol V2 and the routes beside it.

`retread.serving.http.server.HttpServer` puts them on a socket; import it from there, so that
importing this package stays cheap.
"""

__all__: list[str] = []

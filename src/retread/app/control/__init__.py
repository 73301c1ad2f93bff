"""The control API and the status page, on the loopback interface.

`python -m retread.app.control --project PATH --port N` runs it; `control_app` returns the ASGI
application.
"""

from retread.app.control.application import Control, control_app
from retread.app.control.page import Links

__all__ = ["Control", "Links", "control_app"]

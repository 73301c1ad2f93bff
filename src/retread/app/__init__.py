"""The composition root, and the processes that run on this machine.

workspace = Workspace(open_project(Path("."), os.environ))
workspace.promoter.promote(2, reason="better on the new camera")
"""

from retread.app.workspace import Workspace

__all__ = ["Workspace"]

"""The composition root and what runs on this machine.

workspace = Workspace(open_project(Path("."), os.environ))
workspace.promoter.promote(2, reason="it looks better")
"""

from retread.app.workspace import Workspace

__all__ = ["Workspace"]

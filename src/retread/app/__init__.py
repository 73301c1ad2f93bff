"""The composition root and what runs on this machine."""

from retread.app.workspace import Workspace

__all__ = ["Workspace"]

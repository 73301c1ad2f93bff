"""Following the ledger: what should serve, loaded, tried and swapped in.

`retread.serving.following.follower.Follower` does it; import it from there.
"""

from retread.serving.following.assigned import Assigned, follow

__all__ = ["Assigned", "follow"]

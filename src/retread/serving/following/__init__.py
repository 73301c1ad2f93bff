"""Following the ledger: what should serve, loaded, tried and swapped in.

`retread.serving.following.follower.Follower` does it; import it from there.
"""

__all__: list[str] = []

"""Following the ledger: what should serve, loaded, tried and swapped in.

follower = Follower(server_id=..., ledger=..., loader=Loader(bundles, try_in_child(...)), ...)
follower.catch_up()
follower.start()
"""

from retread.serving.following.child import try_in_child
from retread.serving.following.follower import Follower
from retread.serving.following.last_good import LastGood, LastGoodFile
from retread.serving.following.loader import Loader

__all__ = ["Follower", "LastGood", "LastGoodFile", "Loader", "try_in_child"]

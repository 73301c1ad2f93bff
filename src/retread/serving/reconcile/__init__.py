"""Reconciling the server's slots with the ledger: load, test in a sandbox, swap, acknowledge.

reconciler = SlotReconciler(server_id=..., ledger=..., loader=BundleLoader(...), ...)
reconciler.reconcile()
reconciler.start()
"""

from retread.serving.reconcile.bundle_loader import BundleLoader
from retread.serving.reconcile.last_known_good import LastKnownGood, LastKnownGoodFile
from retread.serving.reconcile.sandbox import sandboxed_load
from retread.serving.reconcile.slot_reconciler import SlotReconciler

__all__ = [
    "BundleLoader",
    "LastKnownGood",
    "LastKnownGoodFile",
    "SlotReconciler",
    "sandboxed_load",
]

"""Model versions, their stages and slots, folded from a ledger that only grows.

>>> from retread.registry import Stage, fold
>>> fold([]).production, list(Stage)[0].value
(0, 'None')

The gate is `retread.registry.gate`, its checks are files of `retread.registry.checks`, and the
events have a package of their own, `retread.registry.events`.
"""

from retread.registry.audit import AuditReport, audit
from retread.registry.fold import fold, state_at
from retread.registry.gate import judge
from retread.registry.gate_inputs import GateInputs, Measurement, Opponent
from retread.registry.history import Period, periods
from retread.registry.ledger import Decide, Entry, Ledger
from retread.registry.lineage import VersionLineage, lineage_of_version
from retread.registry.mirror import AliasMirror
from retread.registry.projection import Projection
from retread.registry.promote import Promoter
from retread.registry.promotion import Promotion
from retread.registry.register import Registry
from retread.registry.servers import (
    HEARTBEAT_S,
    LIVE_S,
    Applied,
    ServerDirectory,
    ServerStatus,
)
from retread.registry.sql_ledger import SqlLedger
from retread.registry.sql_servers import SqlServerDirectory
from retread.registry.stages import choose_to_promote, choose_to_stage
from retread.registry.state import OpenPromotion, RegistryState, SlotState
from retread.registry.versions import ModelVersion, Override, Stage

__all__ = [
    "HEARTBEAT_S",
    "LIVE_S",
    "AliasMirror",
    "Applied",
    "AuditReport",
    "Decide",
    "Entry",
    "GateInputs",
    "Ledger",
    "Measurement",
    "ModelVersion",
    "OpenPromotion",
    "Opponent",
    "Override",
    "Period",
    "Projection",
    "Promoter",
    "Promotion",
    "Registry",
    "RegistryState",
    "ServerDirectory",
    "ServerStatus",
    "SlotState",
    "SqlLedger",
    "SqlServerDirectory",
    "Stage",
    "VersionLineage",
    "audit",
    "choose_to_promote",
    "choose_to_stage",
    "fold",
    "judge",
    "lineage_of_version",
    "periods",
    "state_at",
]

"""Values and small rules every other package speaks in.

>>> from retread.core import metric_named
>>> metric_named("loss").better(0.1, 0.2)
True
"""

from retread.core.clock import Clock, ManualClock, SystemClock
from retread.core.database import METADATA, Database
from retread.core.digest import canonical_json, digest_bytes, digest_json, short
from retread.core.dotted import is_dotted, load_dotted, reach_own_code
from retread.core.errors import (
    Conflict,
    Inconclusive,
    IntegrityBroken,
    InvalidInput,
    InvalidSettings,
    MissingDependency,
    NotFound,
    Refused,
    RetreadError,
    Unavailable,
    UnknownOption,
)
from retread.core.files import locked_folder, sync_folder, write_atomically
from retread.core.ids import new_id
from retread.core.metric import METRICS, Metric, metric_named
from retread.core.names import checked_name, is_name
from retread.core.plugins import accepts_arguments, invalid_plugin, load_plugin, load_plugins, plugin_names
from retread.core.verdict import CheckResult, Outcome, Verdict, combine, recordable

__all__ = [
    "METADATA",
    "METRICS",
    "CheckResult",
    "Clock",
    "Conflict",
    "Database",
    "Inconclusive",
    "IntegrityBroken",
    "InvalidInput",
    "InvalidSettings",
    "ManualClock",
    "Metric",
    "MissingDependency",
    "NotFound",
    "Outcome",
    "Refused",
    "RetreadError",
    "SystemClock",
    "Unavailable",
    "UnknownOption",
    "Verdict",
    "accepts_arguments",
    "canonical_json",
    "checked_name",
    "combine",
    "digest_bytes",
    "digest_json",
    "invalid_plugin",
    "is_dotted",
    "is_name",
    "load_dotted",
    "load_plugin",
    "load_plugins",
    "locked_folder",
    "metric_named",
    "new_id",
    "plugin_names",
    "reach_own_code",
    "recordable",
    "short",
    "sync_folder",
    "write_atomically",
]

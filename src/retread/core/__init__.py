"""Values, errors and small mechanisms that every other package uses.

`http_client`, `parent_watch` and `processes` are imported as modules, because few commands need
them.

>>> from retread.core import metric_named
>>> metric_named("loss").better(0.1, 0.2)
True
"""

from retread.core.backoff import Backoff
from retread.core.clock import Clock, ManualClock, SystemClock
from retread.core.database import METADATA, Database
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
    StorageFailed,
    Unavailable,
    UnknownOption,
)
from retread.core.files import (
    FolderLock,
    folder_lock,
    is_locked,
    new_folder,
    sync_folder,
    write_atomically,
)
from retread.core.identifiers import (
    canonical_json,
    checked_name,
    digest_bytes,
    digest_json,
    is_name,
    new_id,
    short,
)
from retread.core.import_string import add_to_import_path, import_from_string, is_import_string
from retread.core.metric import METRICS, Metric, format_metric, format_metrics, metric_named
from retread.core.plugins import (
    accepts_arguments,
    code_of_user,
    floats,
    import_callable,
    invalid_plugin,
    load_plugin,
    load_plugins,
    plugin_names,
)
from retread.core.type_check import checked_type
from retread.core.verdict import CheckResult, Outcome, Verdict, combine, recordable

__all__ = [
    "METADATA",
    "METRICS",
    "Backoff",
    "CheckResult",
    "Clock",
    "Conflict",
    "Database",
    "FolderLock",
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
    "StorageFailed",
    "SystemClock",
    "Unavailable",
    "UnknownOption",
    "Verdict",
    "accepts_arguments",
    "add_to_import_path",
    "canonical_json",
    "checked_name",
    "checked_type",
    "code_of_user",
    "combine",
    "digest_bytes",
    "digest_json",
    "floats",
    "folder_lock",
    "format_metric",
    "format_metrics",
    "import_callable",
    "import_from_string",
    "invalid_plugin",
    "is_import_string",
    "is_locked",
    "is_name",
    "load_plugin",
    "load_plugins",
    "metric_named",
    "new_folder",
    "new_id",
    "plugin_names",
    "recordable",
    "short",
    "sync_folder",
    "write_atomically",
]

"""Recording traffic and the labels that arrive later.

>>> from pathlib import Path
>>> from retread.serving.recording import SegmentTrafficLog
>>> SegmentTrafficLog(Path("/nonexistent")).find("r1") is None
True
"""

from retread.serving.recording.label_store import SqlLabelStore
from retread.serving.recording.traffic_log import SegmentTrafficLog

__all__ = ["SegmentTrafficLog", "SqlLabelStore"]

"""The server: ONNX models in slots, answers recorded, labels joined.

>>> from pathlib import Path
>>> from retread.serving import Cursor, SegmentTrafficLog
>>> SegmentTrafficLog(Path("/nonexistent")).read(Cursor(), limit=10)
((), Cursor(segment='', offset=0))
"""

from retread.serving.record import Answer, PredictionRecord
from retread.serving.recording import SegmentTrafficLog, SqlLabelStore
from retread.serving.traffic import Cursor, LabelStore, TrafficLog

__all__ = [
    "Answer",
    "Cursor",
    "LabelStore",
    "PredictionRecord",
    "SegmentTrafficLog",
    "SqlLabelStore",
    "TrafficLog",
]

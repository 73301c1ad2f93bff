"""The server: ONNX models in slots, recorded predictions, and their true labels.

>>> from pathlib import Path
>>> from retread.serving import Cursor, SegmentTrafficLog
>>> SegmentTrafficLog(Path("/nonexistent")).read(Cursor(), limit=10)
((), Cursor(segment='', offset=0))
"""

from retread.serving.recording import SegmentTrafficLog, SqlLabelStore
from retread.serving.traffic import (
    Answer,
    Cursor,
    LabelStore,
    PredictionRecord,
    TrafficLog,
)

__all__ = [
    "Answer",
    "Cursor",
    "LabelStore",
    "PredictionRecord",
    "SegmentTrafficLog",
    "SqlLabelStore",
    "TrafficLog",
]

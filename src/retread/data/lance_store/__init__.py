"""Dataset versions as Lance commits. Lance is imported when a dataset is first opened.

>>> from pathlib import Path
>>> from retread.data.lance_store import LanceDatasetStore
>>> LanceDatasetStore(Path("/nonexistent")).datasets()
()
"""

from retread.data.lance_store.store import LanceDatasetStore

__all__ = ["LanceDatasetStore"]

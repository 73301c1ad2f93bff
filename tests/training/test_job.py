"""Jobs and outcomes as files, and those that earlier versions stored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from retread.bundle import Cause
from retread.core import Conflict
from retread.training import TrainingRequest
from retread.training.job import JOB, TrainingJob, read_job, submit_job

# As commit 600437c wrote it, with "" where there is no scenario.
EARLIER = b"""{"request":{"key":"a","dataset":"d","dataset_version":1,"model_type":"cnn",
"optimizer_type":"adam","epochs":3,"learning_rate":0.01,"batch_size":8,"sample":1.0,"seed":0,
"cause":{"kind":"manual","detail":"","trigger":""},"parent":"","scenario":""},
"created_at":"2026-11-01T12:00:00.000123+00:00","root":"/p","home":"/p/.retread","settings":{}}"""


def job(seed: int = 0) -> TrainingJob:
    request = TrainingRequest(
        key="a",
        dataset="d",
        dataset_version=1,
        model_type="cnn",
        optimizer_type="adam",
        epochs=3,
        learning_rate=0.01,
        batch_size=8,
        sample=1.0,
        seed=seed,
        cause=Cause(),
    )
    created_at = datetime(2026, 11, 2, tzinfo=UTC)
    return TrainingJob(
        request=request, created_at=created_at, root="/p", home="/p/.retread", settings={}
    )


def test_a_job_is_stored_once(tmp_path: Path) -> None:
    assert submit_job(tmp_path, job()) == job() == read_job(tmp_path)
    later = msgspec.structs.replace(job(), created_at=datetime(2026, 11, 3, tzinfo=UTC))
    assert submit_job(tmp_path, later) == job(), "a second attempt keeps the time of the first"
    with pytest.raises(Conflict, match="belongs to another training request"):
        submit_job(tmp_path, job(seed=1))


def test_a_job_of_an_earlier_version_can_be_resumed(tmp_path: Path) -> None:
    (tmp_path / JOB).write_bytes(EARLIER)
    earlier = submit_job(tmp_path, job())
    assert earlier.created_at.isoformat() == "2026-11-01T12:00:00.000123+00:00"
    assert (earlier.request.parent, earlier.request.scenario) == (None, None)

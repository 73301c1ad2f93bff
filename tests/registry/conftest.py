"""Databases, bundles and following servers for the registry's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.databases import database_url, postgres

import retread.registry  # noqa: F401 (declares the tables)
from retread.bundle import (
    EVIDENCE,
    EXAMPLES,
    MODEL,
    Cause,
    Datatype,
    Evidence,
    Lineage,
    LocalBundleStore,
    Manifest,
    Parity,
    Signature,
    TensorSpec,
    encode_evidence,
    evidence_metrics,
    file_entries,
    pack_arrays,
)
from retread.core import Database, ManualClock, SystemClock, digest_bytes
from retread.registry import Applied, SqlLedger, SqlServerDirectory, fold
from retread.registry.events import Slot

__all__ = ["database_url", "postgres"]

START = datetime(2012, 1, 1, tzinfo=UTC)
SPLIT = digest_bytes(b"evaluation split")
FEATURES = 3


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    with opened_database(f"sqlite:///{tmp_path / 'retread.db'}") as database:
        yield database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def ledger(database: Database, clock: ManualClock) -> SqlLedger:
    return SqlLedger(database, clock)


@pytest.fixture
def servers(database: Database) -> SqlServerDirectory:
    return SqlServerDirectory(database, SystemClock())


@pytest.fixture
def bundles(tmp_path: Path) -> LocalBundleStore:
    return LocalBundleStore(tmp_path / "bundles")


@contextmanager
def opened_database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.create_tables()
    yield database
    database.close()


@pytest.fixture(name="opened_database")
def _opened_database() -> Callable[[str], object]:
    return opened_database


@dataclass
class BundleMaker:
    """Stores bundles of linear models, whose evidence has a chosen share of right answers."""

    store: LocalBundleStore
    count: int = 400

    def evidence(
        self, *, wrong: int = 40, seed: int = 0, split: str = SPLIT, count: int | None = None
    ) -> Evidence:
        """`wrong` of the examples, drawn with the seed, are answered wrongly."""
        total = count or self.count
        random = np.random.default_rng(seed)
        truth = (np.arange(total) % 2).astype(np.int64)
        answered = truth.copy()
        flipped = random.choice(total, size=wrong, replace=False)
        answered[flipped] = 1 - answered[flipped]
        outputs = np.where(np.eye(2)[answered] > 0, 0.9, 0.1).astype(np.float32)
        ids = np.array([f"id{number:05d}" for number in range(total)])
        return Evidence(evaluation_digest=split, ids=ids, truth=truth, outputs=outputs)

    def manifest(self, evidence: Evidence, run_id: str, **changes: object) -> Manifest:
        facts: dict[str, object] = {
            "model": "test",
            "recipe": "tabular-classification",
            "model_type": "linear",
            "created_at": "2012-01-01T00:00:00+00:00",
            "signature": signature(),
            "labels": ("bad", "good"),
            "image": None,
            "validation": evidence_metrics(evidence),
            "metrics": evidence_metrics(evidence),
            "parity": Parity(examples=8, largest_difference=1e-6, tolerance=1e-3),
            "lineage": lineage(run_id),
            "files": {},
            **changes,
        }
        return Manifest(**facts)  # type: ignore[arg-type]  # facts are checked by msgspec's users

    def put(
        self,
        run_id: str = "run_1",
        *,
        evidence: Evidence | None = None,
        wrong: int = 40,
        seed: int = 0,
        **changes: object,
    ) -> str:
        shown = evidence or self.evidence(wrong=wrong, seed=seed)
        rows = np.random.default_rng(0).normal(size=(8, FEATURES)).astype(np.float32)
        files = {
            MODEL: linear_model(),
            EVIDENCE: encode_evidence(shown),
            EXAMPLES: pack_arrays(features=rows),
        }
        manifest = self.manifest(shown, run_id, **{"files": file_entries(files), **changes})
        return self.store.put(manifest, files)


@pytest.fixture
def maker(bundles: LocalBundleStore) -> BundleMaker:
    return BundleMaker(bundles)


def signature() -> Signature:
    columns = tuple(f"x{number}" for number in range(FEATURES))
    return Signature(
        inputs=(
            TensorSpec(
                name="features", datatype=Datatype.FP32, shape=(-1, FEATURES), columns=columns
            ),
        ),
        outputs=(TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2)),),
    )


def lineage(run_id: str) -> Lineage:
    return Lineage(
        run_id=run_id,
        dataset="data",
        dataset_version=1,
        dataset_digest=digest_bytes(b"dataset"),
        evaluation_digest=SPLIT,
        git_commit="c0ffee" * 6,
        git_dirty=False,
        environment_digest=digest_bytes(b"environment"),
        seed=0,
        parameters={"epochs": 1},
        cause=Cause(detail="a test"),
    )


def linear_model() -> bytes:
    weights: npt.NDArray[np.float32] = np.ones((FEATURES, 2), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        ],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [numpy_helper.from_array(weights, "weights")],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    content: bytes = model.SerializeToString()
    return content


@dataclass
class Follower:
    """A server without a model: it applies what the ledger says, and announces it.

    Bundles in `unloadable` fail, as a server's loading would.
    """

    server_id: str
    url: str
    unloadable: set[str] = field(default_factory=set)
    answers: list[tuple[int, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with opened_database(self.url) as database:
            ledger = SqlLedger(database, SystemClock())
            directory = SqlServerDirectory(database, SystemClock())
            applied: dict[Slot, Applied] = {}
            directory.announce(self.server_id, applied)
            while not self.stopped.wait(0.005):
                fresh = self.follow(ledger, applied)
                if fresh != applied:
                    applied = fresh
                    directory.announce(self.server_id, applied)

    def follow(self, ledger: SqlLedger, applied: dict[Slot, Applied]) -> dict[Slot, Applied]:
        state = fold(ledger.read())
        fresh = dict(applied)
        for slot, generation in state.slot_generations.items():
            before = applied.get(slot, Applied(generation=0, bundle=""))
            if generation <= before.generation:
                continue
            held = state.slots.get(slot)
            bundle = held.bundle if held else ""
            if bundle in self.unloadable:
                fresh[slot] = Applied(
                    generation=generation, bundle=before.bundle, error="out of memory"
                )
            else:
                fresh[slot] = Applied(generation=generation, bundle=bundle)
                if slot is Slot.PRODUCTION:
                    self.answers.append((generation, bundle))
        return fresh


@pytest.fixture
def follow(database: Database) -> Iterator[Callable[..., Follower]]:
    """Starts following servers; all end with the test."""
    running: list[tuple[Follower, threading.Thread]] = []

    def start(server_id: str, unloadable: set[str] | None = None) -> Follower:
        follower = Follower(server_id, database.url, unloadable or set())
        thread = threading.Thread(target=follower.run)
        thread.start()
        running.append((follower, thread))
        directory = SqlServerDirectory(database, SystemClock())
        while server_id not in {status.server_id for status in directory.live()}:
            follower.stopped.wait(0.005)
        return follower

    yield start
    for follower, thread in running:
        follower.stopped.set()
        thread.join()

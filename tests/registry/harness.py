"""Bundles, databases and fake servers for the tests of the registry."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

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
from retread.core import Database, SystemClock, digest_bytes
from retread.registry import (
    AliasMirror,
    Applied,
    Ledger,
    Promoter,
    Registry,
    SqlLedger,
    SqlServerDirectory,
    Stage,
    fold,
)
from retread.registry.events import Slot
from retread.registry.servers import Wait

SPLIT = digest_bytes(b"evaluation split")
FEATURES = 3


@contextmanager
def opened_database(url: str) -> Iterator[Database]:
    """Open a database with all tables, and close it at the end."""
    database = Database(url)
    database.create_tables()
    yield database
    database.close()


@dataclass
class BundleMaker:
    """Stores bundles of linear models, whose evidence has a chosen number of wrong predictions."""

    store: LocalBundleStore
    count: int = 400

    def evidence(
        self, *, wrong: int = 40, seed: int = 0, split: str = SPLIT, count: int | None = None
    ) -> Evidence:
        """Return evidence in which `wrong` examples, drawn with the seed, are predicted wrongly."""
        total = count or self.count
        random = np.random.default_rng(seed)
        truth = (np.arange(total) % 2).astype(np.int64)
        predicted = truth.copy()
        flipped = random.choice(total, size=wrong, replace=False)
        predicted[flipped] = 1 - predicted[flipped]
        outputs = np.where(np.eye(2)[predicted] > 0, 0.9, 0.1).astype(np.float32)
        ids = np.array([f"id{number:05d}" for number in range(total)])
        return Evidence(evaluation_digest=split, ids=ids, truth=truth, outputs=outputs)

    def manifest(self, evidence: Evidence, run_id: str, **changes: object) -> Manifest:
        """Return a manifest that fits the evidence, except for `changes`."""
        fields: dict[str, object] = {
            "model": "test",
            "recipe": "tabular-classification",
            "model_type": "linear",
            "created_at": datetime(2012, 1, 1, tzinfo=UTC),
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
        return Manifest(**fields)  # type: ignore[arg-type]  # the tests pass fields of the right types

    def put(
        self,
        run_id: str = "run_1",
        *,
        evidence: Evidence | None = None,
        wrong: int = 40,
        seed: int = 0,
        **changes: object,
    ) -> str:
        """Store a bundle and return its digest; `changes` are made to its manifest."""
        shown = evidence or self.evidence(wrong=wrong, seed=seed)
        rows = np.random.default_rng(0).normal(size=(8, FEATURES)).astype(np.float32)
        files = {
            MODEL: linear_model(),
            EVIDENCE: encode_evidence(shown),
            EXAMPLES: pack_arrays(features=rows),
        }
        manifest = self.manifest(shown, run_id, **{"files": file_entries(files), **changes})
        return self.store.put(manifest, files)


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
class FakeServer:
    """A server without a model: it applies the slot changes of the ledger and announces them.

    Bundles in `unloadable` cannot be loaded. `served` lists the generation and the bundle of each
    change of production.
    """

    server_id: str
    url: str
    unloadable: set[str] = field(default_factory=set)
    served: list[tuple[int, str | None]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Follow the ledger until stopped."""
        with opened_database(self.url) as database:
            ledger = SqlLedger(database, SystemClock())
            directory = SqlServerDirectory(database, SystemClock())
            applied: dict[Slot, Applied] = {}
            directory.announce(self.server_id, applied)
            while not self.stopped.wait(0.005):
                fresh = self.apply(ledger, applied)
                if fresh != applied:
                    applied = fresh
                    directory.announce(self.server_id, applied)

    def apply(self, ledger: SqlLedger, applied: dict[Slot, Applied]) -> dict[Slot, Applied]:
        """Return what is applied after the newest changes of the ledger."""
        state = fold(ledger.read())
        fresh = dict(applied)
        for slot, generation in state.slot_generations.items():
            before = applied.get(slot, Applied(generation=0, bundle=None))
            if generation <= before.generation:
                continue
            held = state.slots.get(slot)
            bundle = held.bundle if held else None
            if bundle in self.unloadable:
                fresh[slot] = Applied(
                    generation=generation, bundle=before.bundle, error="out of memory"
                )
            else:
                fresh[slot] = Applied(generation=generation, bundle=bundle)
                if slot is Slot.PRODUCTION:
                    self.served.append((generation, bundle))
        return fresh


class FakeServers:
    """Starts fake servers in threads, and stops them all at the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: list[tuple[FakeServer, threading.Thread]] = []

    def start(self, server_id: str, unloadable: set[str] | None = None) -> FakeServer:
        """Start a server and return it once it is live."""
        server = FakeServer(server_id, self._database.url, unloadable or set())
        thread = threading.Thread(target=server.run)
        thread.start()
        self._running.append((server, thread))
        directory = SqlServerDirectory(self._database, SystemClock())
        while server_id not in {status.server_id for status in directory.live()}:
            server.stopped.wait(0.005)
        return server

    def stop(self) -> None:
        """Stop all servers and wait for their threads."""
        for server, thread in self._running:
            server.stopped.set()
            thread.join()


class RegistryHarness:
    """A registry with a promoter; versions are promoted by overriding the gate."""

    def __init__(self, database: Database, maker: BundleMaker) -> None:
        self.ledger = SqlLedger(database, SystemClock())
        self.servers = SqlServerDirectory(database, SystemClock())
        self.registry = Registry(self.ledger, maker.store)
        self.maker = maker
        self.promoter = self.new_promoter()

    def new_promoter(
        self,
        timeout_s: float = 10.0,
        *,
        wait: Wait = time.sleep,
        ledger: Ledger | None = None,
        mirrors: Sequence[AliasMirror] = (),
    ) -> Promoter:
        """Return another promoter on the same ledger and servers."""
        return Promoter(
            ledger or self.ledger,
            self.servers,
            SystemClock(),
            wait,
            timeout_s=timeout_s,
            mirrors=mirrors,
        )

    def register(self, count: int) -> list[str]:
        """Register versions 1 to `count` and return their bundles."""
        bundles = [self.maker.put(f"run_{number}", seed=number) for number in range(count)]
        for bundle in bundles:
            self.registry.register(bundle)
        return bundles

    @property
    def production(self) -> int | None:
        """The version in production, if there is one."""
        return self.registry.state().production

    def stage_of(self, number: int) -> Stage:
        """Return the stage of a version."""
        return self.registry.state().version(number).stage

"""The data plane without HTTP: who is asked, on what terms, and what is recorded of it."""

from __future__ import annotations

import asyncio
import copy
import io
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from tests.bundles import constant_bundle, iris_bundle, slow_bundle, tiny_image_bundle
from tests.serving.asking import SETOSA, Asked, Planes, ask, entry_of

from retread.bundle import LocalBundleStore
from retread.core import InvalidInput, Unavailable
from retread.project.settings import ServingSection
from retread.serving.canary_run import CanaryRun
from retread.serving.dataplane import CANARY_BACKLOG
from retread.serving.rows import Rows
from retread.serving.runtime import Runtime, Scores, load_runtime
from retread.serving.tensor import Tensor

HEAVY = ServingSection(inline_below_ms=0.0)
"""Every model counts as heavy."""

FAR_S = 60.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalBundleStore:
    return LocalBundleStore(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def light(store: LocalBundleStore) -> Runtime:
    return load_runtime(store, iris_bundle(store))


@pytest.fixture(scope="module")
def light_too(store: LocalBundleStore) -> Runtime:
    return load_runtime(store, iris_bundle(store, seed=1))


@pytest.fixture(scope="module")
def nonsense(store: LocalBundleStore) -> Runtime:
    return load_runtime(store, constant_bundle(store, [float("nan")] * 3))


@pytest.fixture(scope="module")
def slow(store: LocalBundleStore) -> Runtime:
    return load_runtime(store, slow_bundle(store, products=2))


@pytest.fixture
def planes(tmp_path: Path) -> Planes:
    return Planes(tmp_path)


def row(runtime: Runtime, values: tuple[float, ...] = SETOSA) -> Rows:
    assert runtime.pack_row is not None
    return Rows(1, runtime.pack_row(*values))


def many_rows(name: str) -> Asked:
    call = Asked(name)
    call.values = None
    call.tensors = {"features": Tensor("features", "FP32", (30_000, 4), [0.5] * 120_000)}
    return call


def test_a_row_costs_no_more_for_being_one_of_many(light: Runtime) -> None:
    """So that a model scored in another batch than its partner is not slower for it."""
    alone = min(light.score([row(light)]).milliseconds for _ in range(20))
    together = min(light.score([row(light)] * 500).milliseconds for _ in range(20))
    assert together < 2 * alone


def test_heavy_calls_are_jobs_of_their_own(
    planes: Planes, light: Runtime, light_too: Runtime
) -> None:
    """For both models: every core has one, and the partner scores what the first scored."""

    async def run() -> None:
        await ask(plane, [Asked(f"r{i}") for i in range(8)])

    with planes.plane(HEAVY, production=light, shadow=light_too) as plane:
        asyncio.run(run())
        assert plane.measures.batches == 8


def test_a_long_call_does_not_take_the_short_ones_with_it(planes: Planes, light: Runtime) -> None:
    ended: list[str] = []

    async def run() -> None:
        long, short = many_rows("long"), Asked("short")
        long.done.add_done_callback(lambda _: ended.append("long"))
        short.done.add_done_callback(lambda _: ended.append("short"))
        await ask(plane, [long, short])

    with planes.plane(ServingSection(), production=light) as plane:
        asyncio.run(run())
    assert ended == ["short", "long"]


def test_a_canary_has_time_for_every_row(planes: Planes, light: Runtime) -> None:
    """Two equal models, and a request of many rows: none of them has failed."""

    async def run() -> None:
        call = many_rows("long")
        await ask(plane, [call])
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=light, canary=light) as plane:
        asyncio.run(run())
        assert plane.measures.canary_errors == {}


def test_a_large_photo_is_no_fault_of_the_canary(planes: Planes, store: LocalBundleStore) -> None:
    """Its clock starts when the photo is decoded."""
    runtime = load_runtime(store, tiny_image_bundle(store))
    buffer = io.BytesIO()
    Image.new("RGB", (6000, 5000), (200, 200, 200)).save(buffer, "PNG", compress_level=1)

    async def run() -> None:
        call = Asked("photo")
        call.values = None
        call.images = [buffer.getvalue()]
        await ask(plane, [call])
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=runtime, canary=runtime) as plane:
        asyncio.run(run())
        assert plane.measures.canary_errors == {}


def test_a_partner_does_not_hold_up_the_event_loop(planes: Planes, light: Runtime) -> None:
    """A light partner scores many rows in a thread, as the first model did."""
    where: list[str] = []
    score = light.score

    def seen(parts: Sequence[Rows]) -> Scores:
        where.append(threading.current_thread().name)
        return score(parts)

    async def run() -> None:
        await ask(plane, [many_rows("long")])

    watched = copy.copy(light)
    watched.score = seen  # type: ignore[method-assign]
    with planes.plane(ServingSection(), production=light, shadow=watched) as plane:
        asyncio.run(run())
    assert [name.partition("_")[0] for name in where] == ["canary"]


def test_a_call_that_cannot_be_read_is_refused_and_leaves_nothing_behind(
    planes: Planes, light: Runtime
) -> None:
    def wrong() -> None:
        raise InvalidInput("no")

    async def run() -> None:
        call = Asked("r1")
        plane.submit_after(call, wrong)
        assert plane.pending == 1
        await call.done
        assert isinstance(call.error, InvalidInput)

    with planes.plane(ServingSection(), production=light) as plane:
        asyncio.run(run())
        assert plane.pending == 0


def test_what_waits_to_be_read_counts_as_pending(planes: Planes, light: Runtime) -> None:
    async def run() -> None:
        go = threading.Event()
        first, second = Asked("r1"), Asked("r2")

        def read() -> None:
            assert go.wait(FAR_S)

        plane.submit_after(first, read)
        plane.submit_after(second, lambda: None)
        assert isinstance(second.error, Unavailable)
        go.set()
        await first.done
        assert first.error is None

    with planes.plane(ServingSection(max_pending=1), production=light) as plane:
        asyncio.run(run())


def test_a_canary_that_fails_is_covered_once(
    planes: Planes, light: Runtime, nonsense: Runtime
) -> None:
    async def run() -> None:
        call = Asked("r1")
        await ask(plane, [call])
        assert (call.error, call.slot) == (None, "production")

    with planes.plane(ServingSection(), production=light, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.pending == 0
        assert plane.measures.canary_errors == {2: 1}
    record = planes.records()["r1"]
    assert record.paired is not None
    assert record.paired.error


def test_a_version_asked_for_by_its_number_answers_or_nobody_does(
    planes: Planes, light: Runtime, nonsense: Runtime
) -> None:
    """And it is no evidence: it is outside the split."""

    async def run() -> None:
        call = Asked("r1", version=2)
        await ask(plane, [call])
        assert isinstance(call.error, Unavailable)
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=light, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.measures.canary_errors == {}
    record = planes.records()["r1"]
    assert record.paired is None


def test_pinned_calls_are_not_paired(planes: Planes, light: Runtime, light_too: Runtime) -> None:
    async def run() -> None:
        calls = [Asked("routed"), Asked("pinned", version=2), Asked("old", version=1)]
        await ask(plane, calls)
        assert [call.slot for call in calls] == ["canary", "canary", "production"]
        await asyncio.sleep(0)

    with planes.plane(ServingSection(), production=light, canary=light_too) as plane:
        asyncio.run(run())
    paired = {name: record.paired is not None for name, record in planes.records().items()}
    assert paired == {"routed": True, "pinned": False, "old": False}


def test_a_canary_without_production_gives_up_once(planes: Planes, nonsense: Runtime) -> None:
    async def run() -> None:
        call = Asked("r1", version=1)
        await ask(plane, [call])
        assert isinstance(call.error, Unavailable)

    with planes.plane(HEAVY, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.pending == 0
    assert len(planes.records()) == 1


def test_a_canary_with_too_much_to_do_is_passed_over_and_not_blamed(
    planes: Planes, light: Runtime, slow: Runtime
) -> None:
    async def run() -> None:
        calls = [Asked(f"r{i}") for i in range(CANARY_BACKLOG + 8)]
        await ask(plane, calls)
        assert all(call.error is None for call in calls)

    with planes.plane(ServingSection(), production=light, canary=slow) as plane:
        asyncio.run(run())
        errors = plane.measures.canary_errors[2]
        assert errors <= 3
        assert plane.measures.unpaired >= CANARY_BACKLOG
    records = planes.records()
    blamed = [r for r in records.values() if r.paired is not None and r.paired.error]
    assert len(records) == CANARY_BACKLOG + 8
    assert len(blamed) == errors


def test_the_clock_of_a_canary_starts_when_its_model_does(light: Runtime) -> None:
    """Waiting for the thread says nothing of it, a late run does, a late event loop does not."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        entry = entry_of("canary", light)
        fallen: list[object] = []

        def asked() -> Asked:
            call = Asked("r1")
            call.entry = entry
            call.rows = row(light)
            return call

        def made(call: Asked) -> CanaryRun:
            return CanaryRun(loop, call, row_s=0.0, slowdown=3.0, fall_back=fallen.append)

        made(asked())
        await asyncio.sleep(0.1)  # what is waited for is its patience
        assert fallen == [None]
        run = made(asked())
        assert not isinstance(run.score(statistics=False), Unavailable)
        await asyncio.sleep(0.1)
        assert fallen == [None]

    asyncio.run(run())


def test_what_was_answered_is_recorded_though_its_partner_is_not_done(
    planes: Planes, light: Runtime, slow: Runtime
) -> None:
    async def run() -> None:
        calls = [Asked(f"r{i}", (5.0 + i, 3.5, 1.4, 0.2)) for i in range(6)]
        for call in calls:
            await ask(plane, [call])

    with planes.plane(ServingSection(), production=light, shadow=slow) as plane:
        asyncio.run(run())
    assert set(planes.records()) == {f"r{i}" for i in range(6)}


def test_the_data_plane_knows_no_http() -> None:
    code = (
        "import sys, retread.serving.dataplane\n"
        "print(*[n for n in sys.modules if n.startswith('retread.serving.http')"
        " or n in ('uvicorn', 'starlette')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

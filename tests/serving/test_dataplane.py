"""The data plane without HTTP: who scores a call, within which limits, and what is recorded."""

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
from tests.serving.inprocess_plane import (
    SETOSA,
    PlainCall,
    PlaneFactory,
    entry_of,
    submit_all,
)

from retread.bundle import LocalBundleStore
from retread.core import InvalidInput, Unavailable
from retread.project.settings import ServingSection
from retread.serving.call import NoFiniteAnswer
from retread.serving.dataplane import MAX_CANARY_BACKLOG
from retread.serving.rows import Rows
from retread.serving.runtime import ModelResult, Runtime, load_runtime
from retread.serving.scoring import CanaryTimeout
from retread.serving.tensors import Tensor

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
def planes(tmp_path: Path) -> PlaneFactory:
    return PlaneFactory(tmp_path)


def row(runtime: Runtime, values: tuple[float, ...] = SETOSA) -> Rows:
    assert runtime.pack_row is not None
    return Rows(1, runtime.pack_row(*values))


def many_rows(name: str) -> PlainCall:
    call = PlainCall(name)
    call.values = None
    call.tensors = {"features": Tensor("features", "FP32", (30_000, 4), [0.5] * 120_000)}
    return call


def test_a_row_costs_no_more_for_being_one_of_many(light: Runtime) -> None:
    """A model that is scored in another batch than its partner must not look slower."""
    alone = min(light.score([row(light)])[0].milliseconds for _ in range(20))
    together = min(light.score([row(light)] * 500)[0].milliseconds for _ in range(20))
    assert together < 2 * alone


def test_each_heavy_call_is_a_job(planes: PlaneFactory, light: Runtime, light_too: Runtime) -> None:
    """Every core has one, and the second model scores in one run what the first did."""

    async def run() -> None:
        await submit_all(plane, [PlainCall(f"r{i}") for i in range(8)])

    with planes.plane(HEAVY, production=light, shadow=light_too) as plane:
        asyncio.run(run())
        assert plane.metrics.batches == 8


def test_a_long_call_does_not_delay_the_short_ones(planes: PlaneFactory, light: Runtime) -> None:
    ended: list[str] = []

    async def run() -> None:
        long, short = many_rows("long"), PlainCall("short")
        long.done.add_done_callback(lambda _: ended.append("long"))
        short.done.add_done_callback(lambda _: ended.append("short"))
        await submit_all(plane, [long, short])

    with planes.plane(ServingSection(), production=light) as plane:
        asyncio.run(run())
    assert ended == ["short", "long"]


def test_a_canary_has_time_for_every_row(planes: PlaneFactory, light: Runtime) -> None:
    """Of two equal models and a request of many rows, neither has failed."""

    async def run() -> None:
        call = many_rows("long")
        await submit_all(plane, [call])
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=light, canary=light) as plane:
        asyncio.run(run())
        assert plane.metrics.canary_errors == {}


@pytest.mark.slow
def test_decoding_a_large_photo_does_not_count_against_the_canary(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    """The canary's deadline starts when the photo is decoded."""
    runtime = load_runtime(store, tiny_image_bundle(store))
    buffer = io.BytesIO()
    Image.new("RGB", (6000, 5000), (200, 200, 200)).save(buffer, "PNG", compress_level=1)

    async def run() -> None:
        call = PlainCall("photo")
        call.values = None
        call.images = [buffer.getvalue()]
        await submit_all(plane, [call])
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=runtime, canary=runtime) as plane:
        asyncio.run(run())
        assert plane.metrics.canary_errors == {}


def test_a_second_model_does_not_block_the_event_loop(planes: PlaneFactory, light: Runtime) -> None:
    """A light model scores many rows in a thread, whether it is the first or the second."""
    where: list[str] = []
    score = light.score

    def spy(parts: Sequence[Rows]) -> list[ModelResult]:
        where.append(threading.current_thread().name)
        return score(parts)

    async def run() -> None:
        await submit_all(plane, [many_rows("long")])

    watched = copy.copy(light)
    watched.score = spy  # type: ignore[method-assign]
    with planes.plane(ServingSection(), production=light, shadow=watched) as plane:
        asyncio.run(run())
    assert [name.partition("_")[0] for name in where] == ["canary"]


def test_a_call_that_cannot_be_read_is_refused_and_leaves_nothing_behind(
    planes: PlaneFactory, light: Runtime
) -> None:
    def wrong() -> None:
        raise InvalidInput("no")

    async def run() -> None:
        call = PlainCall("r1")
        plane.submit_unread(call, wrong)
        assert plane.pending == 1
        await call.done
        assert isinstance(call.error, InvalidInput)

    with planes.plane(ServingSection(), production=light) as plane:
        asyncio.run(run())
        assert plane.pending == 0


def test_calls_that_wait_to_be_read_are_pending(planes: PlaneFactory, light: Runtime) -> None:
    async def run() -> None:
        go = threading.Event()
        first, second = PlainCall("r1"), PlainCall("r2")

        def read() -> None:
            assert go.wait(FAR_S)

        plane.submit_unread(first, read)
        plane.submit_unread(second, lambda: None)
        assert isinstance(second.error, Unavailable)
        go.set()
        await first.done
        assert first.error is None

    with planes.plane(ServingSection(max_pending=1), production=light) as plane:
        asyncio.run(run())


def test_production_answers_once_for_a_failing_canary(
    planes: PlaneFactory, light: Runtime, nonsense: Runtime
) -> None:
    async def run() -> None:
        call = PlainCall("r1")
        await submit_all(plane, [call])
        assert (call.error, call.slot) == (None, "production")

    with planes.plane(ServingSection(), production=light, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.pending == 0
        assert plane.metrics.canary_errors == {2: 1}
    record = planes.records()["r1"]
    assert record.paired is not None
    assert record.paired.error


def test_nobody_answers_for_a_requested_version(
    planes: PlaneFactory, light: Runtime, nonsense: Runtime
) -> None:
    """Its failure does not count against the canary either: the call is outside the split."""

    async def run() -> None:
        call = PlainCall("r1", version=2)
        await submit_all(plane, [call])
        assert isinstance(call.error, NoFiniteAnswer)
        assert call.slot == "canary"

    with planes.plane(ServingSection(), production=light, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.metrics.canary_errors == {}
    record = planes.records()["r1"]
    assert record.paired is None


def test_calls_for_a_requested_version_have_no_second_model(
    planes: PlaneFactory, light: Runtime, light_too: Runtime
) -> None:
    async def run() -> None:
        calls = [PlainCall("routed"), PlainCall("pinned", version=2), PlainCall("old", version=1)]
        await submit_all(plane, calls)
        assert [call.slot for call in calls] == ["canary", "canary", "production"]
        await asyncio.sleep(0)

    with planes.plane(ServingSection(), production=light, canary=light_too) as plane:
        asyncio.run(run())
    paired = {name: record.paired is not None for name, record in planes.records().items()}
    assert paired == {"routed": True, "pinned": False, "old": False}


def test_a_canary_without_production_gives_up_once(planes: PlaneFactory, nonsense: Runtime) -> None:
    async def run() -> None:
        call = PlainCall("r1", version=1)
        await submit_all(plane, [call])
        assert isinstance(call.error, NoFiniteAnswer)

    with planes.plane(HEAVY, canary=nonsense) as plane:
        asyncio.run(run())
        assert plane.pending == 0
    assert len(planes.records()) == 1


def test_production_answers_for_a_busy_canary_which_is_not_blamed(
    planes: PlaneFactory, light: Runtime, slow: Runtime
) -> None:
    async def run() -> None:
        calls = [PlainCall(f"r{i}") for i in range(MAX_CANARY_BACKLOG + 8)]
        await submit_all(plane, calls)
        assert all(call.error is None for call in calls)

    with planes.plane(ServingSection(), production=light, canary=slow) as plane:
        asyncio.run(run())
        errors = plane.metrics.canary_errors[2]
        assert errors <= 3
        assert plane.metrics.unpaired >= MAX_CANARY_BACKLOG
    records = planes.records()
    blamed = [r for r in records.values() if r.paired is not None and r.paired.error]
    assert len(records) == MAX_CANARY_BACKLOG + 8
    assert len(blamed) == errors


def test_the_deadline_of_a_canary_starts_with_its_run(light: Runtime) -> None:
    """Waiting for the thread does not count against it, a late run does, a late loop does not."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        entry = entry_of("canary", light)
        fallbacks: list[object] = []

        def routed() -> PlainCall:
            call = PlainCall("r1")
            call.entry = entry
            call.rows = row(light)
            return call

        def timeout(call: PlainCall) -> CanaryTimeout:
            return CanaryTimeout(loop, call, row_s=0.0, slowdown=3.0, fall_back=fallbacks.append)

        timeout(routed())
        await asyncio.sleep(0.1)  # longer than it waits for the thread
        assert fallbacks == [None]
        late = timeout(routed())
        assert not isinstance(late.score(with_statistics=False), Unavailable)
        await asyncio.sleep(0.1)
        assert fallbacks == [None]

    asyncio.run(run())


def test_answered_calls_are_recorded_though_the_second_model_is_not_done(
    planes: PlaneFactory, light: Runtime, slow: Runtime
) -> None:
    async def run() -> None:
        calls = [PlainCall(f"r{i}", (5.0 + i, 3.5, 1.4, 0.2)) for i in range(6)]
        for call in calls:
            await submit_all(plane, [call])

    with planes.plane(ServingSection(), production=light, shadow=slow) as plane:
        asyncio.run(run())
    assert set(planes.records()) == {f"r{i}" for i in range(6)}


@pytest.mark.slow
def test_the_data_plane_does_not_import_http() -> None:
    code = (
        "import sys, retread.serving.dataplane\n"
        "print(*[n for n in sys.modules if n.startswith('retread.serving.http')"
        " or n in ('uvicorn', 'starlette')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

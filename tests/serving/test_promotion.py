"""Promotions and rollbacks while clients send requests without a pause."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from tests.bundles import iris_bundle
from tests.serving.client_load import ClientLoad
from tests.serving.ledger_agreement import check_agreement
from tests.serving.running import Served, Server, rows, running

from retread.bundle import Cause
from retread.core import CheckResult, Outcome, Refused, SystemClock, combine
from retread.registry import Promoter, fold
from retread.registry.events import GateJudged, Slot, VersionRegistered

BODY = rows((5.1, 3.5, 1.4, 0.2))


def register(served: Served, version: int, bundle: str) -> None:
    served.ledger.append(
        VersionRegistered(
            version=version,
            bundle=bundle,
            run_id=f"run_{version}",
            model_type="random_forest",
            dataset="iris",
            dataset_version=1,
            validation={"Accuracy": 0.9},
            metrics={"Accuracy": 0.9},
            cause=Cause(),
        )
    )


def promoter_of(served: Served) -> Promoter:
    return Promoter(served.ledger, served.servers, SystemClock(), timeout_s=30.0)


def promote(served: Served, version: int) -> None:
    """Promote a version that passed the gate against the present production."""
    passed = CheckResult(check="threshold", outcome=Outcome.PASS, reason="good")
    served.ledger.append(
        GateJudged(
            version=version,
            production=fold(served.ledger.read()).production,
            evaluation_digest="sha256:" + "e" * 64,
            verdict=combine([passed]),
        )
    )
    promoter_of(served).promote(version)


def swap_under_load(
    server: Server, times: int
) -> tuple[ClientLoad, list[tuple[float, float, int]]]:
    """Promote one version and roll back to the other in turn; return (start, end, version)s."""
    served = server.served
    swaps: list[tuple[float, float, int]] = []
    with ClientLoad(server, BODY) as load:
        for turn in range(times):
            version = 2 - turn % 2
            start = time.monotonic()
            if turn % 2:
                promoter_of(served).rollback(to=version)
            else:
                promote(served, version)
            swaps.append((start, time.monotonic(), version))
            time.sleep(0.02)
    return load, swaps


def check_swaps(server: Server, load: ClientLoad, swaps: list[tuple[float, float, int]]) -> None:
    assert load.failures == []
    assert len(load.versions) > len(swaps)
    state = fold(server.served.ledger.read())
    assert state.production == swaps[-1][2]
    assert state.promotion is None
    # From the end of a swap to the start of the next, its version answers.
    for (_, end, version), (start, _, _) in pairwise(swaps):
        # The time is taken after the response arrived: it may be to an earlier request.
        inside = [v for at, v in load.versions if end + 0.01 < at < start]
        assert set(inside) <= {version}
    assert {v for _, v in load.versions} == {1, 2}
    entries = server.served.ledger.read()
    assert check_agreement(entries, load.responses) > len(swaps)
    server.served.ledger.verify()


@pytest.fixture
def server_with_two(served: Served) -> Served:
    register(served, 1, iris_bundle(served.bundles))
    register(served, 2, iris_bundle(served.bundles, seed=1))
    return served


@pytest.mark.slow
def test_twenty_swaps_lose_no_request(server_with_two: Served) -> None:
    swap_and_check(server_with_two, 20)


@pytest.mark.slow
def test_two_hundred_swaps_lose_no_request(server_with_two: Served) -> None:
    swap_and_check(server_with_two, 200)


@pytest.mark.slow
def test_a_promotion_that_cannot_be_loaded_is_reverted(server_with_two: Served) -> None:
    served = server_with_two
    broken = iris_bundle(served.bundles, seed=2)
    register(served, 3, broken)
    (served.project.bundles / broken.removeprefix("sha256:") / "model.onnx").write_bytes(b"no")
    with running(served) as server:
        promote(served, 1)
        with (
            ClientLoad(server, BODY) as load,
            pytest.raises(Refused, match="does not match the manifest"),
        ):
            promote(served, 3)
        assert load.failures == []
        assert {version for _, version in load.versions} == {1}
        assert fold(served.ledger.read()).production == 1
        assert fold(served.ledger.read()).slots[Slot.PRODUCTION].version == 1


def test_a_rollback_takes_effect_within_a_second(server_with_two: Served) -> None:
    with running(server_with_two) as server:
        served = server.served
        promote(served, 1)
        promote(served, 2)
        start = time.monotonic()
        promoter_of(served).rollback()
        assert server.infer(BODY).json()["model_version"] == "1"
        assert time.monotonic() - start < 1.0


def swap_and_check(served: Served, times: int) -> None:
    with running(served) as server:
        promote(served, 1)
        load, swaps = swap_under_load(server, times)
        check_swaps(server, load, swaps)

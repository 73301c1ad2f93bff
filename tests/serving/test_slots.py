"""Slots of a running server: canary, shadow, and bundles that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.bundles import (
    constant_bundle,
    external_data_bundle,
    iris_bundle,
    slow_bundle,
    tiny_image_bundle,
)
from tests.serving.running import Served, Server, rows, running, until

from retread.bundle import MODEL
from retread.registry.events import Slot
from retread.serving import PredictionRecord
from retread.serving.slots import key_position

SETOSA = (5.1, 3.5, 1.4, 0.2)
KEYS = [f"customer-{i}" for i in range(60)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Served.make(tmp_path_factory.mktemp("slots"))
    served.assign(1, iris_bundle(served.bundles))
    with running(served) as server:
        yield server


@pytest.fixture(autouse=True)
def tidy(server: Server) -> Iterator[None]:
    yield
    for slot in (Slot.CANARY, Slot.SHADOW):
        server.served.applied(slot, server.served.clear(slot))


def put(server: Server, version: int, bundle: str, slot: Slot, share: float = 1.0) -> str | None:
    """Assign a version, wait for the server, and return its error, if any."""
    served = server.served
    return served.applied(slot, served.assign(version, bundle, slot, share)).error


def recorded(server: Server, ids: Sequence[str]) -> list[PredictionRecord]:
    log = server.served.traffic
    until(lambda: all(log.find(one) for one in ids), "all answers are recorded")
    return [record for one in ids if (record := log.find(one)) is not None]


def test_a_key_stays_with_its_slot_and_the_canary_gets_its_share(server: Server) -> None:
    flipped = iris_bundle(server.served.bundles, flipped=True)
    for share in (0.3, 0.6):
        assert put(server, 2, flipped, Slot.CANARY, share) is None
        for _ in range(2):
            slots = {
                key: server.infer(rows(SETOSA), X_Retread_Key=key).headers["x-retread-slot"]
                for key in KEYS
            }
            expected = {
                key: "canary" if key_position(key) < share else "production" for key in KEYS
            }
            assert slots == expected


def test_both_models_score_the_same_rows(server: Server) -> None:
    put(server, 2, iris_bundle(server.served.bundles, flipped=True), Slot.CANARY, 0.5)
    ids = [server.infer(rows(SETOSA), X_Retread_Key=key).json()["id"] for key in KEYS]
    for record in recorded(server, ids):
        assert record.answer is not None
        assert record.paired is not None
        assert {record.answer.slot, record.paired.slot} == {"canary", "production"}
        by_slot = {one.slot: one for one in (record.answer, record.paired)}
        assert by_slot["production"].outputs.index(max(by_slot["production"].outputs)) == 0
        assert by_slot["canary"].outputs.index(max(by_slot["canary"].outputs)) == 1
        assert by_slot["canary"].version == 2


def test_the_shadow_scores_requests_and_never_answers(server: Server) -> None:
    put(server, 3, iris_bundle(server.served.bundles, flipped=True), Slot.SHADOW)
    answer = server.infer(rows(SETOSA))
    assert answer.headers["x-retread-slot"] == "production"
    (record,) = recorded(server, [answer.json()["id"]])
    assert record.paired is not None
    assert record.paired.slot == "shadow"


@pytest.mark.slow
def test_production_answers_for_a_canary_whose_answer_is_not_finite(server: Server) -> None:
    nonsense = constant_bundle(server.served.bundles, [float("nan")] * 3)
    assert put(server, 4, nonsense, Slot.CANARY) is None
    answer = server.infer(rows(SETOSA))
    assert answer.status_code == 200
    assert answer.headers["x-retread-slot"] == "production"
    assert answer.json()["outputs"][1]["data"] == ["setosa"]
    (record,) = recorded(server, [answer.json()["id"]])
    assert record.answer is not None
    assert record.paired is not None
    assert (record.answer.slot, record.answer.error) == ("production", "")
    assert (record.paired.slot, record.paired.outputs) == ("canary", ())
    assert "not finite" in record.paired.error
    assert (
        'retread_canary_errors_total{version="4",worker="0"} 1.0'
        in server.http.get("/metrics").text
    )


@pytest.mark.slow
def test_production_answers_for_a_canary_that_is_late(server: Server) -> None:
    assert put(server, 5, slow_bundle(server.served.bundles), Slot.CANARY) is None
    answer = server.infer(rows(SETOSA))
    assert answer.headers["x-retread-slot"] == "production"
    assert answer.elapsed.total_seconds() < 0.4
    (record,) = recorded(server, [answer.json()["id"]])
    assert record.paired is not None
    assert "no answer within" in record.paired.error


@pytest.mark.slow
def test_a_model_without_an_answer_is_an_error_and_never_null(server: Server) -> None:
    served = server.served
    served.applied(
        Slot.STAGING,
        served.assign(6, constant_bundle(served.bundles, [float("inf")] * 3), Slot.STAGING),
    )
    answer = server.infer(rows(SETOSA), X_Retread_Slot="staging")
    assert answer.status_code == 422
    assert "retry-after" not in answer.headers
    assert "not a finite number" in answer.json()["error"]


@pytest.mark.slow
def test_a_changed_bundle_is_refused_and_the_old_one_kept(server: Server) -> None:
    served = server.served
    changed = iris_bundle(served.bundles, seed=7)
    path = served.project.bundles / changed.removeprefix("sha256:") / MODEL
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    applied = served.applied(Slot.PRODUCTION, served.assign(7, changed))
    assert "does not match the manifest" in str(applied.error)
    assert applied.bundle == served.bundle_of[1]
    assert server.infer(rows(SETOSA)).json()["model_version"] == "1"


@pytest.mark.slow
def test_a_model_with_external_data_is_refused(server: Server, tmp_path: Path) -> None:
    served = server.served
    digest = external_data_bundle(served.bundles, "weights.bin")
    applied = served.applied(Slot.STAGING, served.assign(8, digest, Slot.STAGING))
    assert "in another file" in str(applied.error)


@pytest.mark.slow
def test_a_missing_bundle_and_one_with_other_inputs_are_refused(server: Server) -> None:
    assert "There is no bundle" in str(put(server, 9, "sha256:" + "a" * 64, Slot.CANARY))
    images = tiny_image_bundle(server.served.bundles)
    assert "other inputs" in str(put(server, 9, images, Slot.CANARY))
    assert server.infer(rows(SETOSA)).headers["x-retread-slot"] == "production"

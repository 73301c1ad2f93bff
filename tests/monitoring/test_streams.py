"""Streams of references and of recorded traffic."""

from __future__ import annotations

import numpy as np
from tests.monitoring.harness import LABELS, MonitorHarness, outputs_of

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    Reference,
    decode_reference,
    encode_reference,
)
from retread.monitoring import reference_streams, traffic_streams


def test_traffic_has_the_streams_of_its_reference(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    reference = reference_streams(harness.reference(rng))
    assert reference.names == ("brightness", CONFIDENCE, PREDICTED_LABEL, "embedding")
    records = harness.records(rng, 20, prefix="a")
    traffic = traffic_streams(records, reference, ("good", "defective"))
    assert traffic.names == reference.names
    outputs = np.array([outputs_of(record) for record in records])
    assert np.allclose(traffic.numeric[CONFIDENCE], outputs.max(axis=1))
    predicted = np.array(LABELS)[outputs.argmax(axis=1)]
    assert (traffic.categorical[PREDICTED_LABEL] == predicted).all()
    assert traffic.embedding.shape == (20, 6)


def test_what_a_record_lacks_is_a_missing_value(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    reference = Reference(
        numeric={"humidity": np.ones(5), "value": np.ones(5), PREDICTED_VALUE: np.ones(5)},
        categorical={"weather": np.array(["rain"] * 5)},
        embedding=np.zeros((5, 4), np.float32),
    )
    records = harness.records(rng, 3, prefix="a")
    traffic = traffic_streams(records, reference_streams(reference), ())
    assert np.isnan(traffic.numeric["humidity"]).all()
    assert traffic.numeric[PREDICTED_VALUE].tolist() == [
        outputs_of(record)[0] for record in records
    ]
    assert traffic.categorical["weather"].tolist() == ["", "", ""]
    assert np.isnan(traffic.embedding).all()


def test_groups_are_stored_with_the_reference(rng: np.random.Generator) -> None:
    groups = np.array(["a", "a", "b"])
    reference = Reference(
        numeric={"x": np.arange(3.0)},
        categorical={},
        embedding=np.zeros((3, 0), np.float32),
        groups=groups,
    )
    again = reference_streams(decode_reference(encode_reference(reference)))
    first, second, third = again.groups
    assert first == second != third, "which rows belong together is kept, not their names"
    assert again.take(np.array([2, 0])).groups.tolist() == [third, first]

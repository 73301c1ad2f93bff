from __future__ import annotations

from typing import Any

import numpy as np

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    Reference,
    decode_reference,
    encode_reference,
)
from retread.monitoring import reference_streams, traffic_streams


def test_traffic_has_the_streams_of_its_reference(house: Any, rng: np.random.Generator) -> None:
    reference = reference_streams(house.reference(rng))
    assert reference.names == ("brightness", CONFIDENCE, PREDICTED_LABEL, "embedding")
    records = house.records(rng, 20, prefix="a")
    traffic = traffic_streams(records, reference, ("good", "defective"))
    assert traffic.names == reference.names
    outputs = np.array([record.answer.outputs for record in records])
    assert np.allclose(traffic.numeric[CONFIDENCE], outputs.max(axis=1))
    said = np.array(["good", "defective"])[outputs.argmax(axis=1)]
    assert (traffic.categorical[PREDICTED_LABEL] == said).all()
    assert traffic.embedding.shape == (20, 6)


def test_what_a_record_lacks_is_missing(house: Any, rng: np.random.Generator) -> None:
    reference = Reference(
        numeric={"humidity": np.ones(5), "value": np.ones(5), PREDICTED_VALUE: np.ones(5)},
        categorical={"weather": np.array(["rain"] * 5)},
        embedding=np.zeros((5, 4), np.float32),
    )
    records = house.records(rng, 3, prefix="a")
    traffic = traffic_streams(records, reference_streams(reference), ())
    assert np.isnan(traffic.numeric["humidity"]).all()
    assert traffic.numeric[PREDICTED_VALUE].tolist() == [r.answer.outputs[0] for r in records]
    assert traffic.categorical["weather"].tolist() == ["", "", ""]
    assert np.isnan(traffic.embedding).all()


def test_groups_travel_with_the_reference(rng: np.random.Generator) -> None:
    groups = np.array(["a", "a", "b"])
    reference = Reference(
        numeric={"x": np.arange(3.0)},
        categorical={},
        embedding=np.zeros((3, 0), np.float32),
        groups=groups,
    )
    again = reference_streams(decode_reference(encode_reference(reference)))
    assert again.take(np.array([2, 0])).groups.tolist() == ["b", "a"]

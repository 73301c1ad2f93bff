"""Two versions on the same samples, by the graphs of their bundles."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from tests.bundles import constant_bundle, iris_bundle, tiny_image_bundle

from retread.bundle import BundleStore, Cause, LocalBundleStore
from retread.demos.comparison import Comparison, compare
from retread.demos.traffic import Sample
from retread.registry import RegistryState, fold
from retread.registry.events import PromotionCompleted, Slot, SlotAssigned, VersionRegistered
from retread.registry.ledger import Entry

FLOWERS = [
    Sample((5.1, 3.5, 1.4, 0.2), "setosa"),
    Sample((6.0, 2.9, 4.5, 1.5), "versicolor"),
    Sample((6.7, 3.1, 5.6, 2.4), "virginica"),
    Sample((4.9, 3.1, 1.5, 0.1), "virginica"),
] * 30
"""More than one batch; one of four has a wrong label."""


@pytest.fixture
def bundles(tmp_path: Path) -> BundleStore:
    return LocalBundleStore(tmp_path)


def served(*bundles: str) -> RegistryState:
    """The state after each bundle became a version and was promoted, in order."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        event
        for version, bundle in enumerate(bundles, start=1)
        for event in (
            VersionRegistered(
                version=version,
                bundle=bundle,
                run_id=f"r{version}",
                model_type="any",
                dataset="iris",
                dataset_version=1,
                metrics={},
                validation={},
                cause=Cause(),
            ),
            SlotAssigned(slot=Slot.PRODUCTION, version=version, bundle=bundle, generation=version),
            PromotionCompleted(
                version=version, previous=version - 1, generation=version, servers=("s",)
            ),
        )
    ]
    return fold([Entry(n, at, event, "") for n, event in enumerate(events, start=1)])


def test_both_predict_the_same_samples(bundles: BundleStore) -> None:
    state = served(constant_bundle(bundles, [0.8, 0.1, 0.1]), iris_bundle(bundles))
    assert compare(bundles, state, 1, FLOWERS) == Comparison(
        old=1, new=2, old_accuracy=0.25, new_accuracy=0.75, samples=120
    )


def test_photos_are_decoded_as_the_model_takes_them(bundles: BundleStore) -> None:
    state = served(tiny_image_bundle(bundles), tiny_image_bundle(bundles, embedded=False))
    samples = [Sample(jpeg(0), "dark"), Sample(jpeg(255), "bright"), Sample(jpeg(0), "?")]
    compared = compare(bundles, state, 1, samples)
    assert compared is not None
    assert (compared.old_accuracy, compared.new_accuracy) == pytest.approx((2 / 3, 2 / 3))


def test_there_is_nothing_to_compare_without_a_new_version_or_samples(
    bundles: BundleStore,
) -> None:
    digest = iris_bundle(bundles)
    assert compare(bundles, served(digest), 1, FLOWERS) is None
    assert compare(bundles, served(digest, iris_bundle(bundles, flipped=True)), 1, []) is None


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, shade, shade)).save(file, "JPEG")
    return file.getvalue()

"""Two versions on the same questions, by the graphs of their bundles."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from tests.bundles import constant_bundle, iris_bundle, tiny_image_bundle

from retread.bundle import BundleStore, Cause, LocalBundleStore
from retread.demos.comparison import Comparison, compare
from retread.demos.question import Question
from retread.registry import RegistryState, fold
from retread.registry.events import PromotionCompleted, Slot, SlotAssigned, VersionRegistered
from retread.registry.ledger import Entry

FLOWERS = [
    Question((5.1, 3.5, 1.4, 0.2), "setosa"),
    Question((6.0, 2.9, 4.5, 1.5), "versicolor"),
    Question((6.7, 3.1, 5.6, 2.4), "virginica"),
    Question((4.9, 3.1, 1.5, 0.1), "virginica"),
] * 30
"""More than are scored at once; one of four is labelled wrongly."""


@pytest.fixture
def bundles(tmp_path: Path) -> BundleStore:
    return LocalBundleStore(tmp_path)


def served(*bundles: str) -> RegistryState:
    """Each bundle became a version and then production, in order."""
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


def test_both_answer_the_same_questions(bundles: BundleStore) -> None:
    state = served(constant_bundle(bundles, [0.8, 0.1, 0.1]), iris_bundle(bundles))
    assert compare(bundles, state, 1, FLOWERS) == Comparison(
        first=1, then=2, before=0.25, after=0.75, questions=120
    )


def test_photos_are_decoded_as_the_model_takes_them(bundles: BundleStore) -> None:
    state = served(tiny_image_bundle(bundles), tiny_image_bundle(bundles, embedded=False))
    questions = [Question(jpeg(0), "dark"), Question(jpeg(255), "bright"), Question(jpeg(0), "?")]
    compared = compare(bundles, state, 1, questions)
    assert compared is not None
    assert (compared.before, compared.after) == pytest.approx((2 / 3, 2 / 3))


def test_there_is_nothing_to_compare_without_a_new_version_or_questions(
    bundles: BundleStore,
) -> None:
    digest = iris_bundle(bundles)
    assert compare(bundles, served(digest), 1, FLOWERS) is None
    assert compare(bundles, served(digest, iris_bundle(bundles, flipped=True)), 1, []) is None


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, shade, shade)).save(file, "JPEG")
    return file.getvalue()

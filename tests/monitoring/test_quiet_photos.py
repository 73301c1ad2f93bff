"""A network of the product's own on real photos: every stream quiet, until the light changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")

from retread.bundle import (
    CONFIDENCE,
    MODEL,
    PREDICTED_LABEL,
    Cause,
    LocalBundleStore,
    Manifest,
    OnnxModel,
)
from retread.core import SystemClock
from retread.data import GROUP, AddRequest, LanceDatasetStore, Split, add_version
from retread.monitoring import Streams
from retread.monitoring.streams import reference_streams
from retread.project import LoadedProject, parse_settings
from retread.training import Overrides, ProcessCompute, plan_runs
from retread.training.evaluation import predict
from retread.training.examples import joined, read_examples
from retread.training.inputs import graph_inputs
from retread.training.reference_profile import reference_of

from .test_real_data import DATA, first_alarm, needs_data

REPETITIONS = 20
DIM = 0.55


@pytest.fixture
def project(tmp_path: Path) -> LoadedProject:
    """Half of the tires are held out, to be reference and traffic."""
    settings = parse_settings(
        {
            "data": {"group": "group", "evaluation_share": 0.3, "validation_share": 0.2},
            "recipe": {"image_size": 64, "positive_label": "defective"},
            "training": {"model_type": "cnn", "epochs": 5},
            "early_stopping": {"min_loss": 10.0, "min_accuracy": 0.0},
        },
        source="the test",
    )
    return LoadedProject(root=tmp_path, home=tmp_path / ".retread", settings=settings)


@needs_data
@pytest.mark.slow
def test_unseen_tires_raise_no_alarm_and_dim_light_does(project: LoadedProject) -> None:
    model, manifest, pixels, groups = trained(project)
    bright = streams_of(model, manifest, pixels, groups)
    dimmed = streams_of(model, manifest, (pixels * DIM).astype(np.uint8), groups)
    assert {"brightness", CONFIDENCE, PREDICTED_LABEL, "embedding"} <= set(bright.names)
    loud = 0
    for seed in range(REPETITIONS):
        rng = np.random.default_rng(seed)
        tires = rng.permutation(np.unique(groups))
        known = np.isin(groups, tires[: len(tires) // 2])
        reference = bright.take(np.flatnonzero(known))
        # Drawn without replacement: no photo comes twice, as in real traffic.
        order = rng.permutation(np.flatnonzero(~known))
        assert first_alarm(reference, bright.take(order), window=25, seed=seed) == 0
        half = len(order) // 50 * 25
        changed = together(bright.take(order[:half]), dimmed.take(order[half:]))
        loud += first_alarm(reference, changed, window=25, seed=seed) > half // 25
    assert loud >= REPETITIONS - 1


def trained(
    project: LoadedProject,
) -> tuple[OnnxModel, Manifest, npt.NDArray[np.uint8], npt.NDArray[np.str_]]:
    """A network, and the photos it has not been trained on with their tires."""
    store = LanceDatasetStore(project.datasets)
    data = project.settings.data
    request = AddRequest(dataset="tires", source=DATA / "tires", settings=data)
    version = add_version(store, request, SystemClock())
    version = store.release("tires", version.number)
    runs = plan_runs(project.settings, Overrides(), Cause(), version, "quiet")
    outcome = ProcessCompute(project).train(runs[0])
    bundles = LocalBundleStore(project.bundles)
    manifest = bundles.manifest(outcome.bundle)
    model = OnnxModel(bundles.read(outcome.bundle, MODEL), manifest.signature, threads=2)
    parts = [read_examples(store, version, part) for part in (Split.VALIDATION, Split.EVALUATION)]
    rows = joined(*parts).rows
    pixels = graph_inputs(rows, manifest.signature, manifest.image, threads=2)["image"]
    return model, manifest, pixels, np.array(rows[GROUP].to_pylist(), dtype=np.str_)


def streams_of(
    model: OnnxModel,
    manifest: Manifest,
    pixels: npt.NDArray[np.uint8],
    groups: npt.NDArray[np.str_],
) -> Streams:
    inputs = {"image": pixels}
    profile = reference_of(manifest.signature, manifest.labels, inputs, predict(model, inputs))
    return reference_streams(replace(profile, groups=groups))


def together(first: Streams, second: Streams) -> Streams:
    return Streams(
        rows=first.rows + second.rows,
        numeric={n: np.concatenate([v, second.numeric[n]]) for n, v in first.numeric.items()},
        categorical={
            n: np.concatenate([v, second.categorical[n]]) for n, v in first.categorical.items()
        },
        embedding=np.concatenate([first.embedding, second.embedding]),
    )

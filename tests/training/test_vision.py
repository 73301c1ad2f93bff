"""Models of images, from photos to a bundle."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from retread.bundle import (
    CONFIDENCE,
    EVIDENCE,
    MODEL,
    REFERENCE,
    ImageRules,
    OnnxModel,
    decode_evidence,
    decode_reference,
)
from retread.core import MissingDependency, Unavailable, UnknownOption
from retread.project.settings import AugmentationSection
from retread.training.model_types.vision import cnn, tinyvgg
from retread.training.network import Network, Normalise
from retread.training.vision.augment import augment, rotate
from retread.training.vision.device import device_named, fast_precision, seed_everything
from retread.training.vision.fit import batches
from retread.training.vision.optimization import WeightAverage, optimizer_named, schedule

from .conftest import MakeHarness, TrainingHarness


@pytest.mark.slow
def test_a_network_becomes_a_bundle(photos_harness: TrainingHarness) -> None:
    outcome = photos_harness.run(photos_harness.request())
    assert outcome.reason == ""
    manifest = photos_harness.bundles.manifest(outcome.bundle)
    assert manifest.labels == ("good", "cracked")
    assert manifest.image is not None
    assert manifest.image.size == 32
    assert manifest.parity.examples >= 16
    assert manifest.parity.largest_difference < 1e-4
    epochs = photos_harness.tracking.epochs
    kept = [epoch for epoch in epochs if epoch.kept][-1]
    assert kept.metrics == outcome.metrics
    assert outcome.metrics["Loss"] == min(epoch.metrics["Loss"] for epoch in epochs)
    recorded = {"learning_rate", "batch_size", "optimizer_type", "epochs", "sample", "seed"}
    assert recorded <= set(photos_harness.tracking.parameters)
    assert {"Loss", "Accuracy", "Precision", "Recall", "F1"} <= set(outcome.metrics)
    assert epochs[0].learning_rate != epochs[-1].learning_rate
    evidence = decode_evidence(photos_harness.bundles.read(outcome.bundle, EVIDENCE))
    assert evidence.evaluation_digest == photos_harness.version.evaluation_digest
    reference = decode_reference(photos_harness.bundles.read(outcome.bundle, REFERENCE))
    assert {"brightness", "sharpness", CONFIDENCE} <= set(reference.numeric)
    assert reference.embedding.shape[1] == 512
    graph = photos_harness.bundles.read(outcome.bundle, MODEL)
    assert b"site-packages" not in graph
    model = OnnxModel(graph, manifest.signature)
    for count in (1, 5):
        outputs = model.run({"image": np.zeros((count, 32, 32, 3), dtype=np.uint8)})
        assert [output.shape for output in outputs] == [(count, 2), (count, 512)]


@pytest.mark.slow
@pytest.mark.parametrize(("model_type", "width"), [("resnet18", 512), ("tinyvgg", 640)])
def test_every_network_becomes_a_bundle(
    photos_harness: TrainingHarness, model_type: str, width: int
) -> None:
    request = photos_harness.request(model_type=model_type, epochs=1)
    outcome = photos_harness.run(request)
    manifest = photos_harness.bundles.manifest(outcome.bundle)
    assert manifest.model_type == model_type
    assert manifest.parity.largest_difference < 1e-3
    assert manifest.signature.outputs[1].shape == (-1, width)


@pytest.mark.slow
def test_e04_the_bundle_keeps_how_its_photos_were_decoded(
    make_harness: MakeHarness, photos: Path
) -> None:
    harness = make_harness(
        photos,
        "folder",
        recipe={"image_size": 32},
        data={"image_depth": 12, "image_background": "#000000"},
        training={"epochs": 1, "augmentation": {"flip_horizontal": False}},
        early_stopping={"min_accuracy": 0.0, "min_loss": 10.0},
    )
    manifest = harness.bundles.manifest(harness.run(harness.request()).bundle)
    assert manifest.image is not None
    assert manifest.image.rules == ImageRules(depth=12, background="#000000")
    assert manifest.lineage.parameters["augmentation_flip_horizontal"] is False


def test_without_torch_only_networks_are_unavailable(
    photos_harness: TrainingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"pip install 'retread\[vision\]'"):
        photos_harness.run(photos_harness.request())
    assert photos_harness.bundles.digests() == ()


def test_a_batch_is_never_a_single_example() -> None:
    assert [len(batch) for batch in batches(torch.arange(9), 4)] == [4, 5]
    assert [len(batch) for batch in batches(torch.arange(8), 4)] == [4, 4]
    assert [len(batch) for batch in batches(torch.arange(1), 4)] == [1]


@pytest.mark.slow
def test_the_same_seed_makes_the_same_network(photos_harness: TrainingHarness) -> None:
    request = photos_harness.request(epochs=2, sample=0.5, model_type="tinyvgg")
    first = photos_harness.run(request)
    assert photos_harness.run(request).bundle == first.bundle
    other = photos_harness.request(epochs=2, sample=0.5, model_type="tinyvgg", seed=1)
    assert photos_harness.run(other).metrics != first.metrics


@pytest.mark.slow
def test_resnet18_is_that_of_torchvision() -> None:
    pytest.importorskip("onnxscript")
    from retread.training.model_types.vision import resnet18

    torch.manual_seed(0)
    network = resnet18.build(3, pretrained=False).eval()
    logits, embedding = network(torch.zeros(2, 3, 64, 64))
    assert (logits.shape, embedding.shape) == ((2, 3), (2, 512))
    assert network.width == 512


@pytest.mark.slow
def test_weights_that_cannot_be_fetched_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from retread.training.model_types.vision import resnet18

    # torchvision knows the address of the weights; nothing listens at this proxy.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", "/nonexistent")
    with pytest.raises(Unavailable, match="pretrained = false"):
        resnet18.build(2, pretrained=True)


@pytest.mark.parametrize("size", [32, 33, 100])
@pytest.mark.parametrize("build", [cnn.build, tinyvgg.build], ids=["cnn", "tinyvgg"])
def test_networks_take_any_size(build: object, size: int) -> None:
    assert callable(build)
    network: Network = build(2, pretrained=False).eval()
    logits, embedding = network(torch.zeros(2, 3, size, size))
    assert (logits.shape, embedding.shape) == ((2, 2), (2, network.width))


def test_augmentation_depends_on_its_generator_only() -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 255
    first = augment(images, AugmentationSection(), torch.Generator().manual_seed(3))
    assert torch.equal(
        first, augment(images, AugmentationSection(), torch.Generator().manual_seed(3))
    )
    assert not torch.equal(
        first, augment(images, AugmentationSection(), torch.Generator().manual_seed(4))
    )
    assert first.shape == images.shape
    assert 0 <= first.min() <= first.max() <= 255


NO_CHANGE = AugmentationSection(
    flip_horizontal=False, rotation=0, brightness=0, contrast=0, saturation=0
)


def varied(count: int = 64, **changes: object) -> torch.Tensor:
    """Return copies of one image, augmented by nothing but `changes`."""
    settings = NO_CHANGE.model_copy(update=changes)
    return augment(GRADIENT.expand(count, 3, 8, 8), settings, torch.Generator().manual_seed(0))


GRADIENT = torch.arange(64.0).reshape(1, 1, 8, 8).expand(1, 3, 8, 8) * 3
MIRRORED = {
    "flip_horizontal": GRADIENT.flip(3),
    "flip_vertical": GRADIENT.flip(2),
}


def test_e21_augmentation_can_be_turned_off() -> None:
    assert torch.allclose(varied(), GRADIENT, atol=1e-3)


@pytest.mark.parametrize("setting", MIRRORED)
def test_e21_flips_are_settings(setting: str) -> None:
    found = varied(**{setting: True})
    mirrored = [torch.allclose(image, MIRRORED[setting][0], atol=1e-3) for image in found]
    kept = [torch.allclose(image, GRADIENT[0], atol=1e-3) for image in found]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 16 < sum(mirrored) < 48


def test_e21_photos_are_flipped_to_the_sides_by_default_only() -> None:
    default = AugmentationSection()
    assert (default.flip_horizontal, default.flip_vertical) == (True, False)
    upright = default.model_copy(update=NO_CHANGE.model_dump(exclude={"flip_horizontal"}))
    found = augment(GRADIENT.expand(32, 3, 8, 8), upright, torch.Generator().manual_seed(1))
    # Rows keep their order: brightness still grows downwards.
    assert (found.mean(dim=(1, 3)).diff(dim=1) > 0).all()


@pytest.mark.parametrize("setting", ["brightness", "contrast", "saturation", "rotation"])
def test_e21_each_variation_is_a_setting(setting: str) -> None:
    colours = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2)) * 200
    settings = NO_CHANGE.model_copy(update={setting: 0.5 if setting != "rotation" else 30})
    found = augment(colours.expand(8, 3, 8, 8), settings, torch.Generator().manual_seed(3))
    assert all(not torch.allclose(image, colours[0], atol=1.0) for image in found[:4])


def test_rotation_preserves_shapes_and_distances() -> None:
    # A disc around the centre stays where it is under any rotation or flip.
    axis = torch.linspace(-1, 1, 64)
    radius = (axis[:, None] ** 2 + axis[None, :] ** 2).sqrt()
    disc = ((radius < 0.5).float() * 255).expand(8, 3, 64, 64)
    rotated = rotate(disc, AugmentationSection(), torch.Generator().manual_seed(0))
    sure = (radius - 0.5).abs() > 0.05
    assert torch.allclose(rotated[..., sure], disc[..., sure], atol=1.0)


def test_normalisation_is_that_of_imagenet() -> None:
    white = Normalise()(torch.full((1, 3, 1, 1), 255.0)).flatten().tolist()
    assert white == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


@pytest.mark.slow
def test_optimizers_and_their_schedule() -> None:
    layer = torch.nn.Linear(1, 1)
    for name in ("adam", "sgd", "adamw"):
        optimizer = optimizer_named(name, layer.parameters(), 0.1)
        rates = schedule(optimizer, 0.1, 20)
        seen = []
        for _ in range(20):
            optimizer.step()
            seen.append(rates.get_last_lr()[0])
            rates.step()
        assert max(seen) == pytest.approx(0.1, rel=0.02)
        assert seen[-1] < 0.001
    with pytest.raises(UnknownOption, match="adam, adamw, sgd"):
        optimizer_named("addam", layer.parameters(), 0.1)


def test_devices_are_looked_up_by_name() -> None:
    assert device_named("cpu").type == "cpu"
    if not torch.cuda.is_available():
        assert device_named("auto").type == "cpu"
        with pytest.raises(Unavailable, match="no CUDA device"):
            device_named("cuda")


def test_fast_precision_is_close_to_float32() -> None:
    seed_everything(0, 1)
    layer, images = torch.nn.Conv2d(3, 8, 3), torch.rand(2, 3, 16, 16)
    with fast_precision(torch.device("cpu")):
        quick = layer(images).float()
    exact = layer(images)
    assert math.isfinite(float(quick.sum().detach()))
    assert torch.allclose(quick, exact, atol=0.05)


def test_the_average_follows_the_weights() -> None:
    torch.manual_seed(0)
    network = tinyvgg.build(2, pretrained=False)
    average = WeightAverage(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    average.update(network)
    for name, mean in average.network.state_dict().items():
        assert torch.all((mean > before[name]) & (mean < network.state_dict()[name]))
    for _ in range(500):
        average.update(network)
    for name, mean in average.network.state_dict().items():
        assert torch.allclose(mean, network.state_dict()[name], atol=1e-4)

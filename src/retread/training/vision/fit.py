"""Train a network: epochs, validation, and the best weights."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from retread.bundle import Datatype, ImageInput, Signature, TensorSpec
from retread.core.plugins import invalid_plugin
from retread.data.images import image_rules
from retread.data.store import IMAGE
from retread.training.early_stopping import (
    Progress,
    observe,
    shortfall,
    stopped_note,
    stopping_metrics,
)
from retread.training.evaluation import metrics_of
from retread.training.inputs import decode_rows, outputs
from retread.training.model_interfaces import (
    VisionModelType,
    model_type_named,
)
from retread.training.model_types import vision
from retread.training.network import Network, Normalise
from retread.training.recipe import FitResult, Task
from retread.training.request import EpochCallback, EpochFinished, StopTraining
from retread.training.vision.augment import augment
from retread.training.vision.device import device_named, fast_precision, seed_everything
from retread.training.vision.export import TrainedNetwork, network_outputs
from retread.training.vision.optimization import WeightAverage, optimizer_named, schedule

LABEL_SMOOTHING = 0.1

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Decoded training images: uint8 [n, 3, H, W] pixels, int64 [n] labels."""

    pixels: Tensor
    labels: Tensor

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.labels)


def fit(task: Task, on_epoch: EpochCallback) -> TrainedNetwork:
    """Train a network of the task's model type and keep its best epoch.

    Args:
        on_epoch: Called after each epoch.

    Raises:
        InvalidInput: The model type does not implement its interface.
        Unavailable: There is no CUDA device, or pretrained weights cannot be fetched.
    """
    settings = task.settings
    device = device_named(settings.compute.device)
    generator = seed_everything(task.request.seed, task.threads)
    network = _built(task).to(device)
    # The stubs do not know that a module can be given a memory format only.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a gap in its types
    trainer = Trainer(network, decoded(task, device), task, generator, device)
    image = image_input(task)
    pixels = decode_rows(task.validation.rows, image, task.threads)
    truth = task.validation.truth(task.labels)
    ema_network = trainer.average.network
    progress, weights, kept = Progress(), snapshot(ema_network), dict[str, float]()
    notes: tuple[str, ...] = ()
    while progress.epoch < task.request.epochs and not progress.stop:
        started = time.monotonic()
        rate = trainer.epoch()
        probabilities = np.asarray(network_outputs(ema_network, pixels, device)[0], np.float32)
        metrics = metrics_of(truth, probabilities)
        loss, accuracy = stopping_metrics(metrics, regression=False)
        progress = observe(progress, settings.early_stopping, loss, accuracy)
        if progress.is_best:
            weights, kept = snapshot(ema_network), metrics
        try:
            on_epoch(_epoch(task, progress, metrics, rate, time.monotonic() - started))
        except StopTraining:
            notes = (stopped_note(progress.epoch, task.request.epochs),)
            break
    network.load_state_dict(weights)
    reason = shortfall(progress, settings.early_stopping, regression=False)
    result = FitResult(
        metrics=kept, epochs=progress.epoch, shortfall=reason, notes=notes, kept=progress.kept
    )
    return TrainedNetwork(network, _signature(task, network), image, result, device)


class Trainer:
    """Trains a network, one pass over the training examples at a time.

    Attributes:
        average: The averaged weights, which are to be validated and kept.
    """

    def __init__(
        self,
        network: Network,
        train: Batches,
        task: Task,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        request = task.request
        self.average = WeightAverage(network)
        self._network = network
        self._train = train
        self._size = request.batch_size
        self._augmentation = task.settings.training.augmentation
        self._generator = generator
        self._device = device
        self._normalise = Normalise().to(device)
        self._optimizer = optimizer_named(
            request.optimizer_type, network.parameters(), request.learning_rate
        )
        steps = len(batches(torch.arange(train.count), self._size)) * request.epochs
        self._schedule = schedule(self._optimizer, request.learning_rate, steps)

    def epoch(self) -> float:
        """Train on every example once, and return the learning rate at the end."""
        self._network.train()
        permutation = torch.randperm(self._train.count, generator=self._generator)
        for indices in batches(permutation, self._size):
            self._step(indices.to(self._device))
            self._schedule.step()
        return float(self._schedule.get_last_lr()[0])

    def _step(self, indices: Tensor) -> None:
        pixels = augment(self._train.pixels[indices].float(), self._augmentation, self._generator)
        images = self._normalise(pixels).contiguous(memory_format=torch.channels_last)
        with fast_precision(self._device):
            logits, _ = self._network(images)
        loss = functional.cross_entropy(
            logits.float(), self._train.labels[indices], label_smoothing=LABEL_SMOOTHING
        )
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._optimizer.step()
        self.average.update(self._network)


def batches(indices: Tensor, size: int) -> list[Tensor]:
    """Split indices into batches.

    A single index left over joins the last batch, because batch normalisation cannot train on a
    single example.

    >>> [len(batch) for batch in batches(torch.arange(7), 3)]
    [3, 4]
    """
    parts = list(torch.split(indices, size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def decoded(task: Task, device: torch.device) -> Batches:
    """Decode the training images, once for all epochs."""
    pixels = decode_rows(task.train.rows, image_input(task), task.threads)
    truth: npt.NDArray[np.int64] = task.train.truth(task.labels).astype(np.int64)
    return Batches(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(truth).to(device),
    )


def image_input(task: Task) -> ImageInput:
    """Return how the images of a task are decoded, in training and in serving."""
    settings = task.settings
    return ImageInput(size=settings.recipe.image_size, rules=image_rules(settings.data))


def snapshot(network: Network) -> Weights:
    """Copy the weights of a network."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _built(task: Task) -> Network:
    name = task.request.model_type
    build = model_type_named(vision, name, VisionModelType)
    network = build(len(task.labels), task.settings.training.pretrained)
    if not isinstance(network, Network):
        problem = (
            f"it returned an object of type {type(network).__name__}, "
            "not a retread.training.network.Network"
        )
        raise invalid_plugin("model type", name, "retread.training.VisionModelType", problem)
    return network


def _epoch(
    task: Task, progress: Progress, metrics: dict[str, float], rate: float, seconds: float
) -> EpochFinished:
    return EpochFinished(
        key=task.request.key,
        epoch=progress.epoch,
        epochs=task.request.epochs,
        metrics=metrics,
        learning_rate=rate,
        kept=progress.is_best,
        seconds=seconds,
    )


def _signature(task: Task, network: Network) -> Signature:
    size = task.settings.recipe.image_size
    image = TensorSpec(name=IMAGE, datatype=Datatype.UINT8, shape=(-1, size, size, 3))
    return Signature(inputs=(image,), outputs=outputs(task.labels, network.width))

"""The training loop: epochs, validation, the best weights."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from retread.bundle import Datatype, ImageInput, Signature, TensorSpec
from retread.data.store import IMAGE
from retread.training.early_stopping import Progress, observe
from retread.training.evaluation import metrics_of
from retread.training.inputs import decode_rows, outputs
from retread.training.model_lookup import builder
from retread.training.model_types import vision
from retread.training.network import Network, Normalise
from retread.training.progress import EpochFinished, Report
from retread.training.recipe import Result, Task
from retread.training.threshold import judged, shortfall
from retread.training.vision.augment import augment
from retread.training.vision.averaging import Averaged
from retread.training.vision.device import device_named, fast_precision, seed_everything
from retread.training.vision.optimizers import optimizer_named, schedule
from retread.training.vision.trained import TrainedNetwork, probabilities

LABEL_SMOOTHING = 0.1

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Images decoded once: uint8 [n, 3, H, W] pixels, int64 [n] labels."""

    pixels: Tensor
    labels: Tensor

    @property
    def count(self) -> int:
        return len(self.labels)


def fit(task: Task, report: Report) -> TrainedNetwork:
    """Train a network of the task's model type and keep its best epoch."""
    device = device_named(task.settings.compute.device)
    generator = seed_everything(task.request.seed, task.threads)
    build = builder(vision, task.request.model_type)
    network: Network = build(len(task.labels), task.settings.training.pretrained)
    # The stubs do not know that a module takes a memory format alone.
    network = network.to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a gap in its types
    train = decoded(task, device)
    validation = decode_rows(task.validation.rows, task.settings.recipe.image_size, task.threads)
    loop = Loop(network, train, task, generator, device)
    truth = task.validation.truth(task.labels)
    judged_network = loop.averaged.network
    progress, weights, kept = Progress(), snapshot(judged_network), {}
    while progress.epoch < task.request.epochs and not progress.stop:
        started = time.monotonic()
        rate = loop.epoch()
        metrics = metrics_of(truth, probabilities(judged_network, validation, device))
        loss, accuracy = judged(metrics, regression=False)
        progress = observe(progress, task.settings.early_stopping, loss, accuracy)
        if progress.kept == progress.epoch:
            weights, kept = snapshot(judged_network), metrics
        report(_epoch(task, progress, metrics, rate, time.monotonic() - started))
    network.load_state_dict(weights)
    reason = shortfall(progress, task.settings.early_stopping, regression=False)
    result = Result(metrics=kept, epochs=progress.epoch, met=progress.met, reason=reason)
    size = task.settings.recipe.image_size
    return TrainedNetwork(network, _signature(task, network), ImageInput(size=size), result, device)


class Loop:
    """One pass over the training examples at a time; `averaged` holds the weights to judge."""

    def __init__(
        self,
        network: Network,
        train: Batches,
        task: Task,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        request = task.request
        self.averaged = Averaged(network)
        self._network = network
        self._train = train
        self._size = request.batch_size
        self._generator = generator
        self._device = device
        self._normalise = Normalise().to(device)
        self._optimizer = optimizer_named(
            request.optimizer_type, network.parameters(), request.learning_rate
        )
        steps = len(batches(torch.arange(train.count), self._size)) * request.epochs
        self._schedule = schedule(self._optimizer, request.learning_rate, steps)

    def epoch(self) -> float:
        """Train on every example once; the learning rate at its end."""
        self._network.train()
        order = torch.randperm(self._train.count, generator=self._generator)
        for places in batches(order, self._size):
            self._step(places.to(self._device))
            self._schedule.step()
        return float(self._schedule.get_last_lr()[0])

    def _step(self, places: Tensor) -> None:
        pixels = augment(self._train.pixels[places].float(), self._generator)
        images = self._normalise(pixels).contiguous(memory_format=torch.channels_last)
        with fast_precision(self._device):
            logits, _ = self._network(images)
        loss = functional.cross_entropy(
            logits.float(), self._train.labels[places], label_smoothing=LABEL_SMOOTHING
        )
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._optimizer.step()
        self.averaged.update(self._network)


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Places in batches; one left over alone joins the last, as batch normalisation cannot learn
    from a single example.

    >>> [len(batch) for batch in batches(torch.arange(7), 3)]
    [3, 4]
    """
    parts = list(torch.split(order, size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def decoded(task: Task, device: torch.device) -> Batches:
    """The training images, decoded once for all epochs."""
    size = task.settings.recipe.image_size
    pixels = decode_rows(task.train.rows, size, task.threads)
    truth: npt.NDArray[np.int64] = task.train.truth(task.labels).astype(np.int64)
    return Batches(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(truth).to(device),
    )


def snapshot(network: Network) -> Weights:
    """A copy of the weights."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _epoch(
    task: Task, progress: Progress, metrics: dict[str, float], rate: float, seconds: float
) -> EpochFinished:
    return EpochFinished(
        key=task.request.key,
        epoch=progress.epoch,
        epochs=task.request.epochs,
        metrics=metrics,
        learning_rate=rate,
        kept=progress.kept == progress.epoch,
        seconds=seconds,
    )


def _signature(task: Task, network: Network) -> Signature:
    size = task.settings.recipe.image_size
    image = TensorSpec(name=IMAGE, datatype=Datatype.UINT8, shape=(-1, size, size, 3))
    return Signature(inputs=(image,), outputs=outputs(task.labels, network.width))

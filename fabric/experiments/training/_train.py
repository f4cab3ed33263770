"""Training one network: configuration in, one flat record out."""

import math
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import positive_int
from fabric.experiments.data import Dataset, load
from fabric.experiments.networks import Layer, LayerWithSkips, Network, build, label, weights
from fabric.experiments.runs import Record, one_thread, run_key


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a training run depends on.

    Cross-entropy, Adam with its default momenta, learning rate decayed to zero along a cosine, no augmentation, no
    weight decay. Features are padded with zeros to the first layer's inputs (ClosNets, section IV).

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        network: layers, inputs first.
        epochs, batch_size: as usual; a last batch that is not full is trained on too.
        learning_rate: of the first step.
        seed: of topology, weights and order of samples.
        initialization: a key of `fabric.experiments.networks.INITIALIZATIONS`.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: str
    network: Network
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    initialization: str = "sparse_glorot_uniform"
    held_out: int = 0

    def __post_init__(self) -> None:
        positive_int("epochs", self.epochs)
        positive_int("batch_size", self.batch_size)
        if not (isinstance(self.learning_rate, float) and 0 < self.learning_rate < math.inf):
            raise ValueError(f"learning_rate must be a positive float, got {self.learning_rate!r}")
        for name in ("seed", "held_out"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 0:
                raise ValueError(f"{name} must be an integer from 0, got {getattr(self, name)!r}")
        layers = self.network if isinstance(self.network, tuple) else ()
        if not layers or not all(isinstance(layer, Layer | LayerWithSkips) for layer in layers):
            raise ValueError(f"network must be a tuple of at least one Layer, got {self.network!r}")


def train(config: TrainConfig) -> Record:
    """Train on one thread (the number of threads changes the bits) and return the run's record.

    The record holds the configuration, "key", "label", "weights" (without biases), "accuracy" after the last epoch,
    "accuracy_by_epoch" (fractions of the tested part) and "train_loss", the mean over the last epoch's samples,
    None where it is not finite.

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    key = run_key(config)
    data = load(config.dataset)
    if config.held_out:
        data = data.hold_out(config.held_out)
    network = build(config.network, config.initialization, config.seed)
    classes = int(data.train_y.max()) + 1
    if network[-1].out_features < classes:
        raise ValueError(f"network must have at least {classes} outputs, its last layer has {network[-1].out_features}")
    data = padded(data, network[0].in_features)
    with one_thread():
        accuracies, loss = _fit(network, data, config)
    return {
        **asdict(config),
        "key": key,
        "label": label(config.network),
        "weights": weights(config.network),
        "accuracy": accuracies[-1],
        "accuracy_by_epoch": accuracies,
        "train_loss": loss if math.isfinite(loss) else None,
    }


def _fit(network: nn.Sequential, data: Dataset, config: TrainConfig) -> tuple[list[float], float]:
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    steps = config.epochs * math.ceil(len(data.train_y) / config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    order = torch.Generator().manual_seed(config.seed)
    accuracies = []
    for _ in range(config.epochs):
        total = torch.zeros(())
        for batch in torch.randperm(len(data.train_y), generator=order).split(config.batch_size):
            loss = functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(batch)
        accuracies.append(_accuracy(network, data.test_x, data.test_y))
    return accuracies, float(total) / len(data.train_y)


def _accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        hits = sum(int((network(part).argmax(1) == wanted).sum()) for part, wanted in _parts(x, y))
    return hits / len(y)


def _parts(x: Tensor, y: Tensor, size: int = 2048):
    return zip(x.split(size), y.split(size), strict=True)


def padded(data: Dataset, inputs: int) -> Dataset:
    """The data with zeros appended to its features up to `inputs`.

    Raises:
        ValueError: there are more features than that.
    """
    features = data.train_x.shape[1]
    if inputs < features:
        raise ValueError(
            f"network must take at least the {features} features of the data, its first layer has {inputs}"
        )
    if inputs == features:
        return data
    pad = (0, inputs - features)
    return Dataset(functional.pad(data.train_x, pad), data.train_y, functional.pad(data.test_x, pad), data.test_y)

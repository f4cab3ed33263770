"""A random sparse layer that gains edges while it trains: the rival that chooses its edges by their gradients.

The edges to add are those of the largest gradients, as RigL does it (Evci and others, ICML 2020), or random ones. RigL
removes as many; here the layer grows, so that it has at any time as many edges as the cascade it is compared with.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.growing._common import OPERATIONS, batches, set_rate
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_of, one_thread
from fabric.experiments.training._train import outputs_of

CRITERIA = ("gradient", "random")


@dataclass(frozen=True)
class MaskedGrowthConfig(RunConfig):
    """Everything that a training depends on.

    A layer of single edges, ReLU and a dense layer to the classes; the training is that of `GrowingConfig`. New weights
    are zero.

    Attributes:
        dataset, batch_size, learning_rate, seed, held_out: as in `GrowingConfig`; the seed draws the first edges, too.
        hidden: neurons of the layer.
        phases: pairs of edges of the layer and steps; no edge is lost.
        criterion: of new edges, one of `CRITERIA`.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    hidden: Positive
    phases: Annotated[tuple[tuple[Positive, Positive], ...], Rule("a tuple of at least one pair", bool)]
    criterion: Annotated[str, one_of(*CRITERIA)]
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: Natural = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        edges = [each for each, _ in self.phases]
        if edges != sorted(edges):
            raise ValueError(f"phases must be of edges that never get fewer, got {self.phases}")


def train_masked(config: MaskedGrowthConfig) -> Measured:
    """Train on one thread.

    Returns:
        "weights", "accuracy", "steps_by_phase", "accuracy_by_phase" and "operations_by_phase" as `train_growing`.

    Raises:
        ValueError: the configuration names something unknown, or more edges than there are pairs.
        DataError: data files are missing or damaged.
    """
    instance("config", config, MaskedGrowthConfig)
    data = load(config.dataset).hold_out(config.held_out)
    pairs = config.hidden * data.features
    if config.phases[-1][0] > pairs:
        raise ValueError(f"phases must have at most {pairs} edges, got {config.phases[-1][0]}")
    generator = torch.Generator().manual_seed(config.seed)
    layer, last = nn.Linear(data.features, config.hidden), nn.Linear(config.hidden, data.classes)
    network = nn.Sequential(layer, nn.ReLU(), last)
    mask = torch.zeros_like(layer.weight)
    _add(mask, config.phases[0][0], torch.rand(mask.shape, generator=generator))
    _glorot(layer, mask, generator)
    _glorot(last, torch.ones_like(last.weight), generator)
    indices = batches(len(data.train_y), config.batch_size, generator)
    total = sum(steps for _, steps in config.phases)
    done = edge_steps = 0
    accuracies, operations = [], []
    with one_thread():
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        for edges, steps in config.phases:
            if edges > int(mask.sum()):
                score = torch.rand(mask.shape, generator=generator)
                if config.criterion == "gradient":
                    _backward(network, data, next(indices))
                    score = _gradient(layer).abs()
                _add(mask, edges, score)
            network.train()
            for _ in range(steps):
                set_rate(optimizer, config.learning_rate, done, total)
                _backward(network, data, next(indices))
                _gradient(layer).mul_(mask)
                optimizer.step()
                done += 1
            edge_steps += steps * (edges + last.weight.numel())
            accuracies.append(accuracy(outputs_of(network, data.test_x, 2048), data.test_y))
            operations.append(OPERATIONS * config.batch_size * edge_steps)
    return {
        "weights": edges + last.weight.numel(),
        "accuracy": accuracies[-1],
        "steps_by_phase": [steps for _, steps in config.phases],
        "accuracy_by_phase": accuracies,
        "operations_by_phase": operations,
    }


def _add(mask: Tensor, edges: int, score: Tensor) -> None:
    """Set the entries of the largest scores among those that are not set, up to so many edges in all."""
    free = score.masked_fill(mask.bool(), -1).flatten()
    mask.view(-1)[free.topk(edges - int(mask.sum())).indices] = 1


def _glorot(layer: nn.Linear, mask: Tensor, generator: torch.Generator) -> None:
    """Sparse Glorot on the edges of a mask, see `fabric.nn.init`; biases zero."""
    fans = mask.sum(1, keepdim=True) + mask.sum(0, keepdim=True)
    with torch.no_grad():
        layer.weight.uniform_(-1, 1, generator=generator).mul_((6 / fans.clamp(min=1)).sqrt() * mask)
        layer.bias.zero_()


def _backward(network: nn.Sequential, data: Dataset, batch: Tensor) -> None:
    network.zero_grad()
    functional.cross_entropy(network(data.train_x[batch]), data.train_y[batch]).backward()


def _gradient(layer: nn.Linear) -> Tensor:
    gradient = layer.weight.grad
    assert gradient is not None  # a backward pass came before
    return gradient

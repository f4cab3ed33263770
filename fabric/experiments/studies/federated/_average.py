"""Federated averaging (McMahan and others, AISTATS 2017): one local epoch a round, uploads counted in bytes."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from fabric._checks import instance
from fabric.experiments.data import DatasetName, accuracy, load
from fabric.experiments.networks import Network
from fabric.experiments.runs import (
    Measured,
    Natural,
    Positive,
    PositiveFloat,
    Rule,
    RunConfig,
    Share,
    one_of,
    one_thread,
)
from fabric.experiments.studies.federated._clients import PARTITIONS, partition
from fabric.experiments.studies.federated._stack import Stack

FLOAT_BITS, SEED_BYTES = 32, 8
_TEST_BATCH = 2000


@dataclass(frozen=True)
class FederatedConfig(RunConfig):
    """Everything that a run depends on.

    In each round some clients, drawn at random, train the common weights for one epoch of plain gradient descent on
    their own samples; the mean of what they send is the common network of the next round.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        network: dense and Clos layers, features first.
        clients: of all samples, see `partition`.
        kind: of partition, one of `PARTITIONS`.
        chosen: clients of a round.
        batch_size: of a client.
        rounds: how many.
        learning_rate: constant.
        seed: of weights, masks, partition, clients and order of samples.
        density: share of the first weights that the network has at all; the others are zero for good. Which ones
            follows from the seed, so that nobody sends them.
        sent: share of the weights that a client trains and sends in a round, drawn anew each time: a structured update
            (Konečný and others 2016, random mask). Biases are always sent.
        bits: of each number sent. Below 32 a client sends what its training changed, rounded at random to equal steps
            between the ends of each tensor's range.
        held_out: 0 to test on the test part; otherwise that many training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    network: Annotated[Network, Rule("a tuple of at least one Layer", bool)]
    clients: Positive
    kind: Annotated[str, one_of(*PARTITIONS)]
    chosen: Positive
    batch_size: Positive
    rounds: Positive
    learning_rate: PositiveFloat
    seed: Natural
    density: Share = 1.0
    sent: Share = 1.0
    bits: Annotated[int, Rule("an integer from 2 to 32", lambda value: 2 <= value <= 32)] = FLOAT_BITS
    held_out: Natural = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chosen > self.clients:
            raise ValueError(f"chosen must be at most the {self.clients} clients, got {self.chosen}")


def federate(config: FederatedConfig) -> Measured:
    """Train on one thread.

    Returns:
        "weights" (biases not counted), "upload_bytes" (of one client and round), "client_samples" and
        "accuracy_by_round" (fractions of the tested part; what is not finite any more stays as it is).

    Raises:
        ValueError: the configuration names something unknown or a network that does not fit the data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, FederatedConfig)
    data = load(config.dataset).hold_out(config.held_out)
    stack = Stack(config.network, config.seed)
    data.check_outputs(len(stack.initial[-1]))
    generator = torch.Generator().manual_seed(config.seed)
    held = partition(data.train_y, config.clients, config.kind, config.batch_size, generator)
    fixed = [_mask(each, config.density, generator) for each in stack.initial]
    common = [
        each if mask is None else each * mask / math.sqrt(config.density)  # the variance of every sum stays
        for each, mask in zip(stack.initial, fixed, strict=True)
    ]
    test_x = data.test_x.t().contiguous()
    accuracies = []
    with one_thread():
        for _ in range(config.rounds):
            clients = torch.randperm(config.clients, generator=generator)[: config.chosen]
            own = [each.expand(config.chosen, *each.shape).clone() for each in common]
            masks = [_drawn(each, mask, config.sent, generator) for each, mask in zip(own, fixed, strict=True)]
            order = torch.rand(config.chosen, held.shape[1], generator=generator).argsort(1)
            samples = held[clients].gather(1, order)
            for batch in samples.split(config.batch_size, dim=1):
                x = data.train_x[batch].transpose(1, 2)
                stack.descend(own, x, data.train_y[batch], config.learning_rate, masks)
            if config.bits < FLOAT_BITS:
                own = [
                    start + _rounded(each - start, config.bits, generator)
                    for start, each in zip(common, own, strict=True)
                ]
            common = [each.mean(0) for each in own]
            alone = [each[None] for each in common]
            parts = [stack.outputs(alone, part[None])[0].t() for part in test_x.split(_TEST_BATCH, dim=1)]
            accuracies.append(accuracy(torch.cat(parts), data.test_y))
            if not all(bool(each.isfinite().all()) for each in common):
                break  # no later round can mend that
    accuracies += [accuracies[-1]] * (config.rounds - len(accuracies))
    return {
        "weights": sum(_entries(each, mask) for each, mask in zip(common, fixed, strict=True) if each.dim() > 1),
        "upload_bytes": _upload_bytes(config, common, fixed),
        "client_samples": held.shape[1],
        "accuracy_by_round": accuracies,
    }


def _mask(tensor: Tensor, share: float, generator: torch.Generator) -> Tensor | None:
    """Exactly this share of a weight's entries, rounded, as ones of its shape; None for all, and for biases."""
    if share == 1 or tensor.dim() < 2:
        return None
    mask = torch.zeros(tensor.numel())
    mask[torch.randperm(tensor.numel(), generator=generator)[: round(share * tensor.numel())]] = 1
    return mask.view(tensor.shape)


def _drawn(own: Tensor, fixed: Tensor | None, share: float, generator: torch.Generator) -> Tensor | None:
    """What each client trains of a tensor (clients, ...) in this round."""
    if share == 1 or own.dim() < 3:
        return fixed
    drawn = torch.stack([mask for each in own if (mask := _mask(each, share, generator)) is not None])
    return drawn if fixed is None else drawn * fixed


def _rounded(change: Tensor, bits: int, generator: torch.Generator) -> Tensor:
    """Each client's change on 2^bits - 1 levels between minus and plus its largest entry, at random to a neighbour."""
    largest = change.abs().amax(dim=tuple(range(1, change.dim())), keepdim=True).clamp(min=1e-30)
    level = largest / (2 ** (bits - 1) - 1)
    return (change / level + torch.rand(change.shape, generator=generator)).floor() * level


def _entries(tensor: Tensor, mask: Tensor | None) -> int:
    return tensor.numel() if mask is None else int(mask.sum())


def _upload_bytes(config: FederatedConfig, common: list[Tensor], fixed: list[Tensor | None]) -> int:
    """Of one client and round: numbers, a seed where it draws what it sends, a range for each rounded tensor."""
    bits, extra = 0, 0 if config.sent == 1 else SEED_BYTES
    for tensor, mask in zip(common, fixed, strict=True):
        count = _entries(tensor, mask)
        bits += config.bits * (round(config.sent * count) if tensor.dim() > 1 else count)
        extra += 4 if config.bits < FLOAT_BITS else 0
    return math.ceil(bits / 8) + extra

"""Reconstructing a matrix: how many of its entries a cascade hits when its weights are optimised for that alone.

NeuroFabric's poster rewrites the choice of a topology as the task to decompose a random matrix into sparse factors, and
counts the entries that an L1 loss makes exact. This is that experiment, without data and without a network.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from fabric._checks import buildable, instance, one_of, sequence, size
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig
from fabric.experiments.runs import one_of as one_of_names
from fabric.experiments.training._descent import Edges, descend, flatten
from fabric.nn import CascadeLinear
from fabric.nn.init import end_to_end_glorot_uniform_
from fabric.topology import Topology

LOSSES = ("l1", "l2")
DRAWN = ("gaussian", "uniform", "orthogonal")
TARGETS = (*DRAWN, "product")


def _differ(seeds: tuple[int, ...]) -> bool:
    return 0 < len(seeds) == len(set(seeds))


@dataclass(frozen=True)
class ReconstructConfig(RunConfig):
    """Everything that a reconstruction depends on: one cascade, one kind of target, several seeds side by side.

    Adam with its default momenta in float32 on the sum of the entries' losses, the learning rate decayed
    geometrically. The poster names neither optimiser nor sizes nor targets; all of this is our choice.

    Attributes:
        layer: the cascade, a layer by name, with or without fixed skips.
        target: entries of mean square one: "gaussian", "uniform" (on ±sqrt 3), "orthogonal" (a random semi-orthogonal
            matrix, scaled), or as a control "product", what the same cascade gives with other random weights.
        loss: "l1" or "l2", per entry.
        steps: of Adam.
        learning_rate, final_learning_rate: at the first and the last step.
        seeds: of topology (if random), target and initial weights; each seed is a repetition of its own.
        tolerance: entries whose error is at most this count as hit.
    """

    recipe: ClassVar[int] = 1

    layer: Layer | LayerWithSkips
    target: Annotated[str, one_of_names(*TARGETS)]
    loss: Annotated[str, one_of_names(*LOSSES)]
    steps: Positive
    learning_rate: PositiveFloat
    seeds: Annotated[tuple[Natural, ...], Rule("a tuple of different integers from 0", _differ)]
    final_learning_rate: PositiveFloat = 1e-5
    tolerance: PositiveFloat = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                f"final_learning_rate must be at most the learning_rate {self.learning_rate}, "
                f"got {self.final_learning_rate}"
            )


def reconstruct(config: ReconstructConfig) -> Measured:
    """Optimise all seeds of a configuration as one batch, on one thread.

    The seeds share nothing but the shape of their tensors: each gets the result that it would get alone. No cascade
    can hit more entries than the Jacobian rank of its topology, except by chance: of the entries that it misses, some
    lie within the tolerance all the same. Their number follows from the errors a little above the tolerance, which
    are about as dense: (near - hits) / 9.

    Returns:
        "label", "parameters" (without skips) and lists with one item per seed: "hits",
        entries within the tolerance after the last step; "near", entries within ten tolerances; "mean_error", mean
        absolute error of all entries, None where it is not finite.

    Raises:
        ValueError: the layer names a topology or arguments that do not exist, or skips off the support where a stage
            has no room for them.
    """
    instance("config", config, ReconstructConfig)
    wirings = [config.layer.wired(np.random.default_rng(seed)) for seed in config.seeds]
    left = [_errors(config, *wiring, seed) for wiring, seed in zip(wirings, config.seeds, strict=True)]
    errors = np.stack(left).astype(np.float64)
    sizes = np.abs(errors).reshape(len(config.seeds), -1)
    means = sizes.mean(axis=1).tolist()
    return {
        "label": config.layer.label,
        "parameters": wirings[0][0].parameters,
        "hits": (sizes <= config.tolerance).sum(axis=1).tolist(),
        "near": (sizes <= 10 * config.tolerance).sum(axis=1).tolist(),
        "mean_error": [mean if math.isfinite(mean) else None for mean in means],
    }


def _errors(
    config: ReconstructConfig, topology: Topology, skips: tuple[np.ndarray, ...] | None, seed: int
) -> np.ndarray:
    """What is left of one seed's target after the last step, (outputs, inputs)."""
    generator = torch.Generator().manual_seed(seed)
    edges = flatten(topology, skips)
    if config.target == "product":
        weights = initial_weights(topology, edges, generator)
        target = descend(edges, weights, np.zeros((topology.outputs, topology.inputs), np.float32), np.empty(0), False)
    else:
        target = random_matrix(config.target, (topology.outputs, topology.inputs), generator).numpy()
    weights = initial_weights(topology, edges, generator)
    rates = np.geomspace(config.learning_rate, config.final_learning_rate, config.steps)
    return descend(edges, weights, target, rates, config.loss == "l1")


def initial_weights(topology: Topology, edges: Edges, generator: torch.Generator) -> np.ndarray:
    """(edges,) float32; such that the product's entries have a mean square of one on average, skips not counted.

    Sparse Glorot with one gain for all stages; fixed skips have weight one.
    """
    layer = CascadeLinear(topology, bias=False)
    end_to_end_glorot_uniform_(layer, generator=generator)
    stages: Iterable[Any] = layer.stages  # each a module with a matrix `dense()`
    gain = ((topology.inputs + topology.outputs) / 2) ** (0.5 / topology.depth)
    drawn = [stage.dense().detach().numpy()[wiring] for stage, wiring in zip(stages, topology.stages, strict=True)]
    weights = np.ones(len(edges.tail), np.float32)
    weights[edges.trained] = gain * np.concatenate(drawn)
    return weights


def random_matrix(kind: str, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A target (outputs, inputs) of any kind but "product", float32.

    Raises:
        ValueError: an unknown kind, a shape that is not two sizes, or no generator of PyTorch.
    """
    one_of("kind", kind, DRAWN)
    for neurons in sequence("shape", shape, "outputs and inputs", length=2):
        size("shape", neurons)
    buildable(shape, most=1 << 28, shape=shape)
    instance("generator", generator, torch.Generator)
    matrix = torch.randn(shape, generator=generator)
    if kind == "uniform":
        matrix.uniform_(-math.sqrt(3), math.sqrt(3), generator=generator)
    if kind == "orthogonal":
        torch.nn.init.orthogonal_(matrix, math.sqrt(max(shape)), generator=generator)
    return matrix

"""A GRU as a plain value: which cascade each of its matrices is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from fabric import topology
from fabric._checks import instance
from fabric._checks import seed as checked_seed
from fabric.experiments.runs import Checked, Positive, one_of
from fabric.nn import CascadeGRU, CascadeLinear
from fabric.nn.init import lecun_uniform_
from fabric.topology import Topology

GATES = 3


def block_diagonal(inputs: int, outputs: int, blocks: int) -> Topology:
    """One stage: each gate's square matrix is made of `blocks` dense blocks on its diagonal.

    Raises:
        ValueError: the outputs are not whole gates of as many neurons as there are inputs, or do not divide by blocks.
    """
    if outputs % inputs or inputs % blocks:
        raise ValueError(
            f"outputs must be a multiple of the {inputs} inputs and these one of blocks, got {outputs} and {blocks}"
        )
    block = np.arange(inputs) // (inputs // blocks)
    stage = np.tile(block, outputs // inputs)[:, None] == block
    return Topology([stage], f"block_diagonal({inputs}, {outputs}, {blocks})")


def clos_by_gate(inputs: int, outputs: int, input_routers: int, middle_routers: int, output_routers: int) -> Topology:
    """A Clos cascade for each gate, side by side; they share the inputs and nothing else.

    Raises:
        ValueError: the outputs are not whole gates, or the router counts do not fit.
    """
    if outputs % GATES:
        raise ValueError(f"outputs must be a multiple of the {GATES} gates, got {outputs}")
    counts = (input_routers, middle_routers, output_routers)
    first, middle, last = topology.clos(inputs, outputs // GATES, *counts).stages
    stages = [np.tile(first, (GATES, 1)), *(np.kron(np.eye(GATES, dtype=bool), stage) for stage in (middle, last))]
    return Topology(stages, f"clos_by_gate({inputs}, {outputs}, {', '.join(map(str, counts))})")


_STRUCTURES: dict[str, Callable[..., Topology]] = {
    "dense": topology.dense,
    "clos": topology.clos,
    "clos_by_gate": clos_by_gate,
    "low_rank": topology.low_rank,
    "block_diagonal": block_diagonal,
}


@dataclass(frozen=True)
class Matrix(Checked):
    """What a matrix is made of.

    Attributes:
        structure: "dense", "clos" (the gates stacked), "clos_by_gate", "low_rank" or "block_diagonal".
        sizes: none, the three router counts (of a gate's own cascade), the rank, the number of blocks.
    """

    structure: Annotated[str, one_of(*_STRUCTURES)] = "dense"
    sizes: tuple[Positive, ...] = ()

    def topology(self, inputs: int, outputs: int) -> Topology:
        """The topology between so many neurons; ValueError where the sizes do not fit."""
        wanted = {"dense": 0, "clos": 3, "clos_by_gate": 3}.get(self.structure, 1)
        if len(self.sizes) != wanted:
            raise ValueError(f"sizes must be {wanted} for {self.structure}, got {self.sizes}")
        return _STRUCTURES[self.structure](inputs, outputs, *self.sizes)

    @property
    def label(self) -> str:
        return f"{self.structure}({', '.join(map(str, self.sizes))})" if self.sizes else self.structure


DENSE = Matrix()


@dataclass(frozen=True)
class Gru(Checked):
    """One layer of gated recurrent units and a linear readout of its hidden states.

    Attributes:
        inputs, hidden, outputs: numbers of neurons.
        from_input, from_hidden: the matrices (3 · hidden, inputs) and (3 · hidden, hidden).
        readout: the matrix (outputs, hidden).
    """

    inputs: Positive
    hidden: Positive
    outputs: Positive
    from_input: Matrix = DENSE
    from_hidden: Matrix = DENSE
    readout: Matrix = DENSE

    def topologies(self) -> tuple[Topology, Topology, Topology]:
        """Of the input matrix, the recurrent matrix and the readout."""
        gates = GATES * self.hidden
        return (
            self.from_input.topology(self.inputs, gates),
            self.from_hidden.topology(self.hidden, gates),
            self.readout.topology(self.hidden, self.outputs),
        )

    @property
    def weights(self) -> int:
        """Of all three matrices, without biases."""
        return sum(each.parameters for each in self.topologies())

    @property
    def recurrent_weights(self) -> int:
        """Of the matrix from the hidden states alone, without biases."""
        return self.from_hidden.topology(self.hidden, GATES * self.hidden).parameters

    @property
    def label(self) -> str:
        """For tables: "GRU 88-256-88, clos(8, 7, 24), clos(16, 13, 24), clos(16, 4, 8)"."""
        matrices = ", ".join(matrix.label for matrix in (self.from_input, self.from_hidden, self.readout))
        return f"GRU {self.inputs}-{self.hidden}-{self.outputs}, {matrices}"


class GruNetwork(nn.Module):
    """`Gru` as a module: x (batch, steps, inputs) → hidden states (batch, steps, hidden); `readout` is applied to them.

    A layer of dense matrices is PyTorch's own. All matrices start alike: uniform from ±√(3 / edges into a neuron), edge
    by edge, biases from zero.

    Args:
        gru: sizes and matrices.
        seed: of the weights.
    """

    def __init__(self, gru: Gru, seed: int) -> None:
        super().__init__()
        instance("gru", gru, Gru)
        from_input, from_hidden, readout = gru.topologies()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(checked_seed(seed))
            self.layer: nn.Module
            if gru.from_input == gru.from_hidden == DENSE:
                self.layer = _lecun_uniform_(nn.GRU(gru.inputs, gru.hidden, batch_first=True))
            else:
                self.layer = CascadeGRU(
                    gru.inputs, gru.hidden, lambda *_: from_input, lambda *_: from_hidden, batch_first=True
                )
            linear = nn.Linear(gru.hidden, gru.outputs) if gru.readout == DENSE else CascadeLinear(readout)
            self.readout = lecun_uniform_(linear)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.layer(x)
        return states


def _lecun_uniform_(layer: nn.GRU) -> nn.GRU:
    """What `lecun_uniform_` does, for the stacked matrices of PyTorch's layer."""
    for values in layer.parameters():
        bound = math.sqrt(3 / values.shape[1]) if values.ndim == 2 else 0.0
        nn.init.uniform_(values, -bound, bound)
    return layer

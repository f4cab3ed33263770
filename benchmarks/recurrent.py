"""How much faster than `torch.nn.GRU` a Clos GRU trains: ratios of processor times within one run.

Run with `make bench`. One thread, float32, a sequence of 32 steps, forward and backward pass. The Clos GRU has balanced
routers, a tenth of the weights, and so has the one with a cascade for each gate in the place of one for all of them.
The layers take turns in short repetitions and the least time of each counts. Nothing here is asserted: times belong to
a machine.
"""

import argparse
import time
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fabric.nn import ClosGRU, ClosLinear, ClosLSTM, backend
from fabric.nn.recurrence._recurrent_layers import balanced_routers

KINDS = {"GRU": (ClosGRU, nn.GRU), "LSTM": (ClosLSTM, nn.LSTM)}
HIDDEN, NARROW, STEPS = 512, 256, 32
BATCHES = (1, 32, 256)


class ByGate(nn.Module):
    """A Clos cascade of balanced routers for each gate: (batch, inputs) to (batch, gates * hidden)."""

    def __init__(self, inputs: int, hidden: int, gates: int) -> None:
        super().__init__()
        routers = balanced_routers(inputs, hidden)
        self.gates = nn.ModuleList(ClosLinear(inputs, hidden, *routers) for _ in range(gates))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([gate(x) for gate in self.gates], 1)


def by_gate(layer: ClosGRU | ClosLSTM) -> nn.Module:
    """The layer, of which every matrix becomes a cascade for each gate."""
    for layers in (layer.input_layers, layer.hidden_layers):
        for at in range(len(layers)):
            layers[at] = ByGate(layers[at].in_features, layer.hidden_size, layer.gates)
    return layer


def step(layer: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """The layer and the gradients of its parameters."""

    def run() -> None:
        layer.zero_grad()
        layer(x)[0].square().mean().backward()

    return run


def times(steps: list[Callable[[], None]], repetitions: int) -> list[float]:
    """Least processor time of each, in seconds."""
    least = [float("inf")] * len(steps)
    for run in steps:
        run()
    for _ in range(repetitions):
        for i, run in enumerate(steps):
            start = time.thread_time()
            run()
            least[i] = min(least[i], time.thread_time() - start)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=10, help="turns per cell")
    repetitions = parser.parse_args().repetitions
    torch.set_num_threads(1)
    rows = []
    for kind, batch in tqdm([(kind, batch) for kind in KINDS for batch in BATCHES], desc="cells"):
        clos, dense = KINDS[kind]
        gates = by_gate(clos(HIDDEN, HIDDEN))
        layers = [clos(HIDDEN, HIDDEN), dense(HIDDEN, HIDDEN), dense(HIDDEN, NARROW), gates]
        x = torch.randn(STEPS, batch, HIDDEN)
        ours, same, narrow, own = times([step(layer, x) for layer in layers], repetitions)
        rows.append(
            {
                "layer": f"Clos {kind} {HIDDEN}",
                "batch": batch,
                "ms": 1e3 * ours,
                "than a cascade a gate": own / ours,
                f"than {kind} of {HIDDEN}": same / ours,
                f"than {kind} of {NARROW}": narrow / ours,
            }
        )
    print(f"Times faster than others, one thread, {backend(ClosGRU(HIDDEN, HIDDEN).hidden_layers[0])}:")
    for _, table in pd.DataFrame(rows).groupby("layer", sort=False):
        print(table.dropna(axis=1).to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

"""How much faster than `torch.nn.GRU` a Clos GRU trains: ratios of processor times within one run.

Run with `make bench`. One thread, float32, a sequence of 32 steps, forward and backward pass. The Clos GRU has balanced
routers, a tenth of the weights. The layers take turns in short repetitions and the least time of each counts. Nothing
here is asserted: times belong to a machine.
"""

import argparse
import time
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fabric.nn import ClosGRU, ClosLSTM, backend

KINDS = {"GRU": (ClosGRU, nn.GRU), "LSTM": (ClosLSTM, nn.LSTM)}
HIDDEN, NARROW, STEPS = 512, 256, 32
BATCHES = (1, 32, 256)


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
        layers = [clos(HIDDEN, HIDDEN), dense(HIDDEN, HIDDEN), dense(HIDDEN, NARROW)]
        x = torch.randn(STEPS, batch, HIDDEN)
        ours, same, narrow = times([step(layer, x) for layer in layers], repetitions)
        rows.append(
            {
                "layer": f"Clos {kind} {HIDDEN}",
                "batch": batch,
                "ms": 1e3 * ours,
                f"than {kind} of {HIDDEN}": same / ours,
                f"than {kind} of {NARROW}": narrow / ours,
            }
        )
    print(f"Times faster than torch.nn, one thread, {backend(ClosGRU(HIDDEN, HIDDEN).hidden_layers[0])}:")
    for _, table in pd.DataFrame(rows).groupby("layer", sort=False):
        print(table.dropna(axis=1).to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

"""How much faster than `torch.nn.Linear` a Clos layer is: ratios of median times within one run.

Run with `make bench`. One thread, float32. "forward" is without gradients; "forward + backward" computes the gradients
of input, weights and bias. Dense and Clos layer take turns and the ratio is the median over the rounds, so that a
change of clock frequency meets both. Nothing here is asserted: times belong to a machine.
"""

import argparse

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.benchmark import Timer
from tqdm import tqdm

from fabric.nn import ClosLinear

CASCADES = [
    (1024, 1024, 32, 32, 32),
    (1024, 256, 32, 16, 32),
    (1024, 256, 32, 8, 32),
    (1024, 256, 16, 8, 16),
    (1024, 256, 16, 5, 16),
]
BATCHES = (1, 32, 256)


def forward(layer: nn.Module, batch: int) -> Timer:
    """Timer of the forward pass without gradients."""
    x = torch.randn(batch, layer.in_features)
    return Timer("layer(x)", globals={"layer": layer.requires_grad_(False), "x": x}, num_threads=1)


def forward_backward(layer: nn.Module, batch: int) -> Timer:
    """Timer of the forward pass and the gradients of input and parameters."""
    x = torch.randn(batch, layer.in_features, requires_grad=True)
    names = {
        "grad": torch.autograd.grad,
        "layer": layer.requires_grad_(True),
        "x": x,
        "wanted": [x, *layer.parameters()],
        "above": torch.ones(batch, layer.out_features),
    }
    return Timer("grad(layer(x), wanted, above)", globals=names, num_threads=1)


def speedup(timers: tuple[Timer, Timer], rounds: int) -> float:
    """Median over rounds of (time of the first) / (time of the second)."""
    times = [[timer.blocked_autorange(min_run_time=0.1).median for timer in timers] for _ in range(rounds)]
    return float(np.median([dense / clos for dense, clos in times]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns per cell")
    rounds = parser.parse_args().rounds
    # A training process has freed large tensors before; from then on the allocator keeps its pages instead of
    # returning them. One such tensor is freed here, so that page faults are not what is measured.
    torch.ones(7_500_000)
    rows = []
    for cascade in tqdm(CASCADES, desc="layers"):
        inputs, outputs, *_ = cascade
        dense, clos = nn.Linear(inputs, outputs), ClosLinear(*cascade)
        for batch in BATCHES:
            row = {"(I, O, Ri, Rm, Ro)": cascade, "FLOP ratio": inputs * outputs / clos.topology.parameters}
            row["batch"] = batch
            for name, timer in (("forward", forward), ("forward + backward", forward_backward)):
                row[name] = speedup((timer(dense, batch), timer(clos, batch)), rounds)
            rows.append(row)
    print("Times faster than torch.nn.Linear, one thread:")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

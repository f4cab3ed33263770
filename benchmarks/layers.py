"""How much faster than `torch.nn.Linear` a Clos layer is: ratios of medians, measured alternately in one run.

Run with `make bench`. One thread, float32. The forward pass is timed with and without the backward pass; the dense
layer and the Clos layer take turns, so that a change of clock frequency meets both.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fabric.nn import ClosLinear

CASCADES = [
    (1024, 1024, 32, 32, 32),
    (1024, 256, 32, 16, 32),
    (1024, 256, 32, 8, 32),
    (1024, 256, 16, 8, 16),
    (1024, 256, 16, 5, 16),
]


def forward(layer: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        layer(x)


def forward_backward(layer: nn.Module, x: torch.Tensor) -> None:
    y = layer(x)
    torch.autograd.backward(y, torch.ones_like(y))


def ratio(run: Callable, layers: tuple[nn.Module, nn.Module], x: torch.Tensor, rounds: int) -> float:
    """Median time of the first layer divided by that of the second."""
    times = np.empty((rounds, 2))
    for turn in range(-3, rounds):
        for which, layer in enumerate(layers):
            for parameter in layer.parameters():
                parameter.grad = None
            start = time.perf_counter()
            run(layer, x)
            times[turn, which] = time.perf_counter() - start
    dense, sparse = np.median(times, axis=0)
    return dense / sparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="timed repetitions per cell")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.ones(7_500_000)
    rows = []
    for cascade in tqdm(CASCADES, desc="layers"):
        inputs, outputs, *_ = cascade
        for batch in (1, 32, 256):
            x = torch.randn(batch, inputs, requires_grad=True)
            layers = (nn.Linear(inputs, outputs), ClosLinear(*cascade))
            rows.append(
                {
                    "(I, O, Ri, Rm, Ro)": cascade,
                    "batch": batch,
                    "forward": ratio(forward, layers, x, rounds),
                    "forward + backward": ratio(forward_backward, layers, x, rounds),
                }
            )
    print("Times faster than torch.nn.Linear, one thread:")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

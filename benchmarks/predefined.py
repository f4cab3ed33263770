"""How much faster than a masked dense layer a pre-defined sparse one trains, over density: ratios within one run.

Run with `make bench`. One thread, float32, batch 256, forward and backward pass. At each density the masked layer,
`torch.nn.Linear` and the sparse layer take turns, so that a change of clock frequency meets all three.
"""

import argparse

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.benchmark import Timer
from tqdm import tqdm

from fabric.experiments.studies.speed import MaskedLinear
from fabric.nn import PredefinedLinear
from fabric.topology.junctions import nearest_fan_out

WIDTH = 1024
BATCH = 256
DENSITIES = (0.002, 0.008, 0.016, 0.0625, 0.125, 0.25, 0.4)


def step(layer: nn.Module, x: torch.Tensor, above: torch.Tensor) -> None:
    """Forward and backward pass, gradients of weights and input."""
    for tensor in (x, *layer.parameters()):
        tensor.grad = None
    torch.autograd.backward(layer(x), above)


def seconds(layers: dict[str, nn.Module], rounds: int) -> dict[str, float]:
    """Median over rounds of the time of one step; the layers take turns."""
    x = torch.randn(BATCH, WIDTH, requires_grad=True)
    above = torch.randn(BATCH, WIDTH)
    timers = {
        name: Timer(
            "step(layer, x, above)", num_threads=1, globals={"step": step, "layer": layer, "x": x, "above": above}
        )
        for name, layer in layers.items()
    }
    times = {name: [] for name in layers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.timeit(5).median)
    return {name: float(np.median(values)) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="timed rounds per density, of 5 steps each")
    rounds = parser.parse_args().rounds
    rows = []
    for density in tqdm(DENSITIES, desc="densities"):
        fan_out = nearest_fan_out(WIDTH, WIDTH, density)
        sparse = PredefinedLinear(WIDTH, WIDTH, fan_out, "structured", np.random.default_rng(0))
        mask = torch.from_numpy(sparse.topology.stages[0])
        layers = {"masked": MaskedLinear(mask), "dense": nn.Linear(WIDTH, WIDTH), "sparse": sparse}
        times = seconds(layers, rounds)
        rows.append(
            {
                "fan-out": fan_out,
                "density %": 100 * fan_out / WIDTH,
                "sparse, ms": 1e3 * times["sparse"],
                "than masked": times["masked"] / times["sparse"],
                "than torch.nn.Linear": times["dense"] / times["sparse"],
            }
        )
    print(f"Times faster, {WIDTH} → {WIDTH}, batch {BATCH}, forward and backward, one thread:")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

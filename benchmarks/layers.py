"""How much faster than `torch.nn.Linear` a Clos layer is: ratios of processor times within one run.

Run with `make bench`. One thread, float32. "forward" is without gradients; "forward + backward" computes the gradients
of input, weights and bias. The layers take turns in short repetitions and the least time of each counts, so that a
change of clock frequency and the work of other processes meet all of them. Beside `torch.nn.Linear` as users meet it
stands the strongest dense product, oneDNN with weights packed beforehand, which cannot train. Nothing here is asserted:
times belong to a machine.
"""

import argparse
import time
from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from fabric.nn import ClosLinear, backend, reference

CASCADES = [
    (1024, 1024, 32, 32, 32),
    (1024, 256, 32, 16, 32),
    (1024, 256, 32, 8, 32),
    (1024, 256, 16, 8, 16),
    (1024, 256, 16, 5, 16),
    (768, 3072, 32, 24, 48),
]
BATCHES = (1, 8, 32, 256, 2048)
SECONDS = 0.002  # of a repetition: shorter than a time slice


def packed(layer: nn.Linear, batch: int) -> Callable[[Tensor], Tensor]:
    """The layer's product by oneDNN, its weight in oneDNN's own order."""
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), batch)
    bias = layer.bias.detach()
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def forward_backward(layer: nn.Module, x: Tensor) -> Callable[[], object]:
    """The layer and the gradients of input and parameters."""
    x = x.clone().requires_grad_()
    wanted, above = [x, *layer.parameters()], torch.randn(len(x), layer.out_features)
    return lambda: torch.autograd.grad(layer(x), wanted, above)


def times(steps: list[Callable[[], object]], repetitions: int) -> list[float]:
    """Least processor time of each, in seconds."""
    counts = []
    for step in steps:
        step()
        start = time.thread_time()
        step()
        counts.append(max(1, round(SECONDS / max(time.thread_time() - start, 1e-7))))
    least = [float("inf")] * len(steps)
    for _ in range(repetitions):
        for i, (step, count) in enumerate(zip(steps, counts, strict=True)):
            start = time.thread_time()
            for _ in range(count):
                step()
            least[i] = min(least[i], (time.thread_time() - start) / count)
    return least


def row(cascade: tuple[int, ...], batch: int, repetitions: int) -> dict[str, object]:
    """One line of the table."""
    inputs, outputs, *_ = cascade
    dense, clos = nn.Linear(inputs, outputs), ClosLinear(*cascade)
    x = torch.randn(batch, inputs)
    strongest = packed(dense, batch) if torch.backends.mkldnn.is_available() else dense
    edges = clos.topology.parameters
    with torch.no_grad():
        ours, users, best = times([lambda: clos(x), lambda: dense(x), lambda: strongest(x)], repetitions)
        with reference():
            (pytorch,) = times([lambda: clos(x)], repetitions)
    both, users_both = times([forward_backward(clos, x), forward_backward(dense, x)], repetitions)
    return {
        "(I, O, Ri, Rm, Ro)": cascade,
        "FLOP ratio": inputs * outputs / edges,
        "batch": batch,
        "forward": users / ours,
        "without kernel": users / pytorch,
        "than oneDNN": best / ours,
        "forward + backward": users_both / both,
        "µs": 1e6 * ours,
        "GFLOP/s": 2e-9 * batch * edges / ours,
        "dense": 2e-9 * batch * inputs * outputs / users,
        "oneDNN": 2e-9 * batch * inputs * outputs / best,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40, help="turns per cell")
    repetitions = parser.parse_args().repetitions
    torch.set_num_threads(1)
    # A training process has freed large tensors before; from then on the allocator keeps its pages instead of
    # returning them. One such tensor is freed here, so that page faults are not what is measured.
    torch.ones(7_500_000)
    cells = [(cascade, batch) for cascade in CASCADES for batch in BATCHES]
    table = pd.DataFrame([row(*cell, repetitions) for cell in tqdm(cells, desc="cells")])
    print(f"Times faster than torch.nn.Linear, one thread, {backend(ClosLinear(*CASCADES[0]))}:")
    print(table.to_string(index=False, float_format="{:.1f}".format))


if __name__ == "__main__":
    main()

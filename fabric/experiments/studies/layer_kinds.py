"""Which kind of layer costs most while networks with both kinds train, and what caches do (notebook 19_edge_budget)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from fabric.experiments.counting import Footprint, sample_energy, weight_hit_rate
from fabric.experiments.networks import CIFAR_TRUNK, MNIST_TRUNK, MobileNet, ResNet18, Trunk

CONVOLUTIONAL, CONNECTED = "convolutional", "fully connected"
_BYTES = 4  # of a weight and of an activation


class Cost(NamedTuple):
    """What one sample asks of all layers of a kind: weights, products, activations that the layers put out."""

    weights: int
    products: int
    outputs: int


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Networks with both kinds of layer and the shape of an image; those without trained sizes hold no numbers.

    AlexNet as printed, in two groups; VGG-16; the two trunks of the poster of pre-defined sparsity with their
    classification layers; ResNet18 for images of 32 × 32; MobileNet with the classes of ImageNet, images of 112 × 112,
    to which its first convolution, here without a stride, would halve those of 224 × 224.
    """
    with torch.device("meta"):
        large: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
            "AlexNet": (_alexnet(), (3, 227, 227)),
            "VGG-16": (_vgg16(), (3, 224, 224)),
        }
    return large | {
        "MNIST trunk, 2 CLs": (_classified(MNIST_TRUNK, (3136, 784, 10)), (28 * 28,)),
        "CIFAR-10 trunk, 2 CLs": (_classified(CIFAR_TRUNK, (4096, 512, 16)), (3 * 32 * 32,)),
        "ResNet18": (ResNet18(3, 10, 64, torch.Generator().manual_seed(0)), (3, 32, 32)),
        "MobileNet": (MobileNet(image=(112, 3), classes=1000).build(0), (3, 112, 112)),
    }


def count(module: nn.Module, image: Sequence[int]) -> dict[str, Cost]:
    """Costs by kind of layer, counted in one forward pass; biases and normalisation are left out."""
    device = next(module.parameters()).device
    counted = {kind: Cost(0, 0, 0) for kind in (CONVOLUTIONAL, CONNECTED)}

    def see(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        weights, outputs = layer.weight.numel(), output[0].numel()
        products = weights * (outputs // layer.weight.shape[0])
        kind = CONNECTED if isinstance(layer, nn.Linear) else CONVOLUTIONAL
        old = counted[kind]
        counted[kind] = Cost(old.weights + weights, old.products + products, old.outputs + outputs)

    hooks = [layer.register_forward_hook(see) for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        module.eval()(torch.zeros(1, *image, device=device))
    for hook in hooks:
        hook.remove()
    return counted


def by_kind(costs: Mapping[str, float], batches: Sequence[int]) -> pd.DataFrame:
    """Bytes and energy of a training step by kind of layer: weights in DRAM, activations on the chip.

    Args:
        costs: picojoules, as for `counting.sample_energy`.
        batches: samples for which weights are loaded once.

    Returns:
        "network", "batch_size", "kind", "weights", "products" and "outputs" of one sample, "millijoules" of a sample
        and "share" of the network's energy.
    """
    rows = []
    for name, (module, image) in networks().items():
        counted = count(module, image)
        for batch in batches:
            energy = {}
            for kind, cost in counted.items():
                held = Footprint(_BYTES * cost.weights, 0, 0, _BYTES * cost.outputs, 0)
                spent = sample_energy(held, cost.products, costs)
                energy[kind] = 1e3 * (spent.outside / batch + spent.activations + spent.arithmetic)
            for kind, cost in counted.items():
                row = {"network": name, "batch_size": batch, "kind": kind, **cost._asdict()}
                rows.append(row | {"millijoules": energy[kind], "share": energy[kind] / sum(energy.values())})
    return pd.DataFrame(rows)


def bottlenecks(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the energy that fully connected layers take: a row per network, a column per batch size."""
    return table[table["kind"] == CONNECTED].pivot(index="network", columns="batch_size", values="share")


def hit_rates(chosen: pd.DataFrame, caches: Sequence[int]) -> pd.DataFrame:
    """Of weights, in training with one sample at a time, see `counting.weight_hit_rate`.

    Args:
        chosen: "method", "label" and "network" of `studies.comparison`.
        caches: bytes.

    Returns:
        "method", "label", "cache", "bytes" of all weights, "hit_rate".
    """
    rows = []
    for network in chosen.drop_duplicates("label").itertuples():
        topologies = [layer.build(np.random.default_rng(0)) for layer in network.network]
        sizes = [_BYTES * int(stage.sum()) for topology in topologies for stage in topology.stages]
        for cache in caches:
            rate = weight_hit_rate(sizes, cache)
            names = {"method": network.method, "label": network.label}
            rows.append(names | {"cache": cache, "bytes": sum(sizes), "hit_rate": rate})
    return pd.DataFrame(rows)


def _classified(trunk: Trunk, widths: Sequence[int]) -> nn.Sequential:
    layers = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)]
    return nn.Sequential(trunk.build(torch.Generator().manual_seed(0)), *layers)


def _alexnet() -> nn.Sequential:
    pool = nn.MaxPool2d(3, 2)
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4), pool,
        nn.Conv2d(96, 256, 5, padding=2, groups=2), pool,
        nn.Conv2d(256, 384, 3, padding=1),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), pool,
        nn.Flatten(), nn.Linear(9216, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000),
    )  # fmt: skip


def _vgg16() -> nn.Sequential:
    modules: list[nn.Module] = []
    channels = 3
    for width, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            modules.append(nn.Conv2d(channels, width, 3, padding=1))
            channels = width
        modules.append(nn.MaxPool2d(2))
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(25088, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000))

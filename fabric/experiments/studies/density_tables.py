"""Both tables of the pre-defined sparsity poster from first principles, cell by cell beside the print.

The print gives fan-outs and percentages; the networks below are the ones that reproduce them. Convolutions count
weights and biases as parameters, multiply-accumulates and bias additions as operations; classification layers (CLs)
count one parameter and one operation per edge. That choice meets more printed cells than any other tried: without the
biases 1.15 M convolution parameters become 1.14, and operation reductions of 18.29 and 1.35 % become 18.34 and 1.36 %.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from fabric.experiments.networks import CIFAR_TRUNK, MNIST_TRUNK, Trunk
from fabric.experiments.statements import agrees, predefined_tables
from fabric.topology.junctions import Densities, densities, valid_fan_outs

# Differences below this come from what exactly was counted, which is not printed; slips of a digit are far above.
_CLOSE = 1e-3


@dataclass(frozen=True)
class Network:
    """A trunk, if any, and the widths of the classification layers, features first; outputs padded as in hardware."""

    trunk: Trunk | None
    widths: tuple[int, ...]


NETWORKS = {
    "CIFAR10 conv2": Network(CIFAR_TRUNK, (4096, 512, 16)),
    "CIFAR10 conv3": Network(CIFAR_TRUNK, (4096, 512, 256, 16)),
    "CIFAR100 conv2": Network(CIFAR_TRUNK, (4096, 512, 128)),
    "CIFAR100 conv3": Network(CIFAR_TRUNK, (4096, 512, 256, 128)),
    "MNIST conv2": Network(MNIST_TRUNK, (3136, 784, 10)),
    "MNIST CL only": Network(None, (784, 112, 10)),
}

# Fan-outs from which the table of savings follows; it does not print them.
SAVINGS_FAN_OUTS = {
    "MNIST CL only": (42, 10),
    "MNIST conv2": (16, 10),
    "CIFAR10 conv2": (1, 1),
    "CIFAR100 conv2": (1, 32),
    "CIFAR10 conv3": (1, 2, 16),
    "CIFAR100 conv3": (1, 2, 32),
}


def compare_densities() -> pd.DataFrame:
    """The poster's table of junction densities (%) and overall CL densities (%), one row per printed cell.

    Where a row's label does not produce its numbers, `fits` names the network with the fan-outs that does produce all
    of them, found by trying all networks of the poster with all fan-outs: the row is "mislabelled". Where none does,
    the label stands and single cells are in error.

    Returns:
        "row" (from 1), "label" (net and fan-outs as printed), "column", "printed", "computed" (from the label; nan
        where it names another number of fan-outs than the net has junctions), "agrees" (within the rounding of the
        print), "finding" ("agrees", "mislabelled", or for a single cell what `compare_savings` says),
        "fits" and "fits_computed" (from what fits; nan where "fits" is empty).
    """
    rows = []
    for number, printed in enumerate(predefined_tables()["densities"], start=1):
        cells = _density_cells(printed)
        computed = dict.fromkeys(cells, math.nan) | _percentages(printed["net"], printed["fan_outs"])
        right = all(agrees(text, computed[column]) for column, text in cells.items())
        fits = [] if right else fitting_networks(cells)
        fitting = _percentages(*fits[0]) if fits else dict.fromkeys(cells, math.nan)
        rows += [
            {
                "row": number,
                "label": _label(printed["net"], printed["fan_outs"]),
                "column": column,
                "printed": text,
                "computed": computed[column],
                "agrees": agrees(text, computed[column]),
                "finding": "mislabelled" if fits else _finding(text, computed[column]),
                "fits": " or ".join(_label(*fit) for fit in fits),
                "fits_computed": fitting[column],
            }
            for column, text in cells.items()
        ]
    return pd.DataFrame(rows)


def compare_savings() -> pd.DataFrame:
    """The poster's table of parameters, operations and reductions, one row per printed cell.

    Returns:
        "row" (from 1), "label" (net as printed, fan-outs as reconstructed), "column", "printed", "computed", "agrees"
        (within the rounding of the print) and "finding": "agrees", "rounded twice" (first to one decimal more),
        "close" (off by less than a thousandth) or "misprint".
    """
    rows = []
    for number, printed in enumerate(predefined_tables()["savings"], start=1):
        net = printed["net"]
        computed = _savings(NETWORKS[net], SAVINGS_FAN_OUTS[net])
        rows += [
            {
                "row": number,
                "label": _label(net, SAVINGS_FAN_OUTS[net]),
                "column": column,
                "printed": printed[column],
                "computed": value,
                "agrees": agrees(printed[column], value),
                "finding": _finding(printed[column], value),
            }
            for column, value in computed.items()
        ]
    return pd.DataFrame(rows)


def explained(table: pd.DataFrame) -> int:
    """Cells that disagree and that a slip explains: another row's label, or one cell in a row that else agrees."""
    wrong = ~table["agrees"]
    alone = wrong & (wrong.groupby(table["row"]).transform("sum") == 1)
    return int((alone | (wrong & (table["finding"] == "mislabelled"))).sum())


def alexnet_weights() -> dict[str, int]:
    """Weights of AlexNet (Krizhevsky, Sutskever and Hinton 2012), biases not counted, by kind of layer."""
    convolutions = [(96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3), (256, 192, 3)]
    return {
        "convolutional": sum(outputs * inputs * side**2 for outputs, inputs, side in convolutions),
        "fully connected": sum(a * b for a, b in itertools.pairwise((256 * 6 * 6, 4096, 4096, 1000))),
    }


def _finding(printed: str, computed: float) -> str:
    if agrees(printed, computed):
        return "agrees"
    if _rounded_twice(printed, computed):
        return "rounded twice"
    return "close" if math.isclose(computed, float(printed), rel_tol=_CLOSE) else "misprint"


def _rounded_twice(printed: str, computed: float) -> bool:
    """Whether the print comes from rounding to one decimal more first: 0.38496 gives 0.385, and that 0.39."""
    digits = len(printed.partition(".")[2])
    unit = Decimal(1).scaleb(-digits)
    if not math.isfinite(computed):
        return False
    once = Decimal(computed).quantize(unit / 10, ROUND_HALF_UP)
    return once.quantize(unit, ROUND_HALF_UP) == Decimal(printed)


def fitting_networks(cells: dict[str, str]) -> list[tuple[str, tuple[int, ...]]]:
    """All networks of the poster, with fan-outs, whose densities agree with all `cells` ("junction 1", ..., "overall").

    Only fan-outs with an integer fan-in are tried.
    """
    fits = []
    for net, network in NETWORKS.items():
        if len(network.widths) != len(cells):
            continue
        choices = [
            [f for f in valid_fan_outs(inputs, outputs) if agrees(cells[f"junction {i}"], 100 * f / outputs)]
            for i, (inputs, outputs) in enumerate(itertools.pairwise(network.widths), start=1)
        ]
        for fan_outs in itertools.product(*choices):
            if agrees(cells["overall"], _percentages(net, fan_outs)["overall"]):
                fits.append((net, fan_outs))
    return fits


def _density_cells(printed: dict) -> dict[str, str]:
    cells = {f"junction {i}": text for i, text in enumerate(printed["junctions"], start=1)}
    return {**cells, "overall": printed["overall"]}


def _percentages(net: str, fan_outs: Sequence[int]) -> dict[str, float]:
    """Densities in % by column; empty where the net has another number of junctions than there are fan-outs."""
    widths = NETWORKS[net].widths
    if len(fan_outs) != len(widths) - 1:
        return {}
    result = densities(widths, fan_outs)
    cells = {f"junction {i}": 100 * density for i, density in enumerate(result.junctions, start=1)}
    return {**cells, "overall": 100 * result.overall}


def _savings(network: Network, fan_outs: Sequence[int]) -> dict[str, float]:
    """The cells of a row of the table of savings, in its units."""
    layers: Densities = densities(network.widths, fan_outs)
    dense, sparse = sum(layers.dense_edges), sum(layers.edges)
    parameters, operations, _ = (0, 0, 0) if network.trunk is None else network.trunk.counts()
    classifying = len(network.widths) - 1
    return {
        "classification_layers": classifying,
        "layers": classifying + (0 if network.trunk is None else network.trunk.depth),
        "conv_parameters_m": parameters / 1e6,
        "conv_operations_b": operations / 1e9,
        "dense_parameters_m": dense / 1e6,
        "sparse_parameters_m": sparse / 1e6,
        "parameter_reduction_percent": 100 * (dense - sparse) / (parameters + dense),
        "operation_reduction_percent": 100 * (dense - sparse) / (operations + dense),
    }


def _label(net: str, fan_outs: Sequence[int]) -> str:
    return f"{net}: {', '.join(map(str, fan_outs))}"

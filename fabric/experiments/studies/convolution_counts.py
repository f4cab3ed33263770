"""What cascades save in MobileNetV1, counted: which of them can make it ten times smaller (notebook 25).

Only the pointwise convolutions become cascades; the first convolution, the depthwise ones, normalisation and the dense
classifier are kept. Every search below is exact: it tries all router counts that can be the cheapest.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from fabric.experiments.networks import Layer, MobileNet

Rule = Callable[[int, int, float], Layer]


def by_layer(width: float = 1.0) -> pd.DataFrame:
    """Trainable numbers and multiply-accumulates per image: "layer", "kind", "parameters", "operations", "position"."""
    return pd.DataFrame(MobileNet(width).counts()).rename_axis("position").reset_index()


def by_kind(layers: pd.DataFrame) -> pd.DataFrame:
    """`by_layer` summed by "kind", with "parameters_share" and "operations_share"."""
    table = layers.groupby("kind", sort=False)[["parameters", "operations"]].sum().reset_index()
    for column in ("parameters", "operations"):
        table[f"{column}_share"] = table[column] / table[column].sum()
    return table


def cheapest_clos(inputs: int, outputs: int, hidden: float = 1.0) -> Layer:
    """The Clos cascade of fewest weights whose two hidden levels have at least hidden · min(inputs, outputs) neurons.

    Weights grow with every router count, so for each R_m the fewest outer routers that reach the width are best.
    """
    middle = np.arange(1, _neurons(inputs, outputs, hidden) + 1)
    outer = -(-_neurons(inputs, outputs, hidden) // middle)
    weights = middle * (inputs + outputs + outer**2)
    weights[outer > min(inputs, outputs)] = np.iinfo(weights.dtype).max
    best = int(np.argmin(weights))
    return Layer("clos", (inputs, outputs, int(outer[best]), int(middle[best]), int(outer[best])))


def cheapest_regular_clos(inputs: int, outputs: int, hidden: float = 1.0) -> Layer:
    """The Clos cascade of fewest weights with R_m a power of two, R_m R_i = inputs and R_m R_o = outputs.

    Both must be powers of two. `hidden` has no effect: the hidden levels are as wide as inputs and outputs.
    """
    choices = [2**power for power in range(int(math.log2(min(inputs, outputs))) + 1)]
    layers = [Layer("clos", (inputs, outputs, inputs // middle, middle, outputs // middle)) for middle in choices]
    return min(layers, key=weights)


def cheapest_two_level(inputs: int, outputs: int, hidden: float = 1.0) -> Layer:
    """The cascade of two router levels, as in Monarch, of fewest weights; its hidden level is as in `cheapest_clos`."""
    second = np.arange(1, outputs + 1)
    first = -(-_neurons(inputs, outputs, hidden) // second)
    weights = inputs * second + first * outputs
    weights[first > inputs] = np.iinfo(weights.dtype).max
    best = int(np.argmin(weights))
    return Layer("multistage_clos", (inputs, outputs, (int(first[best]), int(second[best]))))


def padded_butterfly(inputs: int, outputs: int, hidden: float = 1.0) -> Layer:
    """The radix-2 butterfly of the next power of two on the wider side; `hidden` has no effect."""
    return Layer("butterfly", (1 << (max(inputs, outputs) - 1).bit_length(), 2))


def rank_of(inputs: int, outputs: int, hidden: float = 1.0) -> Layer:
    """The product of two dense factors through hidden · min(inputs, outputs) neurons."""
    return Layer("low_rank", (inputs, outputs, _neurons(inputs, outputs, hidden)))


def weights(layer: Layer) -> int:
    """Weights of a cascade by its closed form, which is what its `Topology` counts."""
    match layer.topology, layer.arguments:
        case "clos", (int(inputs), int(outputs), int(first), int(middle), int(last)):
            return middle * (inputs + outputs + first * last)
        case "multistage_clos", (int(inputs), int(outputs), (int(first), int(second))):
            return inputs * second + first * outputs
        case "butterfly", (int(n), 2):
            return 2 * n * (n.bit_length() - 1)
        case "low_rank", (int(inputs), int(outputs), int(rank)):
            return rank * (inputs + outputs)
    raise ValueError(f"layer must be of a kind that the rules of this study make, got {layer.label}")


RULES: dict[str, tuple[Rule, float]] = {
    "three-level Clos, hidden levels as wide as the narrower side": (cheapest_clos, 1.0),
    "three-level Clos, powers of two": (cheapest_regular_clos, 1.0),
    "two-level, hidden level as wide as the narrower side": (cheapest_two_level, 1.0),
    "radix-2 butterfly, padded to a square": (padded_butterfly, 1.0),
    "low rank, rank 1": (rank_of, 0.0),
}


def pointwise(rule: Rule, hidden: float, width: float = 1.0) -> tuple[Layer, ...]:
    """The rule's cascades for the 13 pointwise layers, as `MobileNet` takes them unless they are padded."""
    return tuple(rule(inputs, outputs, hidden) for inputs, outputs in pairwise(MobileNet(width).channels))


def parameters(rule: Rule, hidden: float = 1.0, width: float = 1.0) -> int:
    """Trainable numbers of the whole network with the rule's cascades."""
    return _kept(width) + sum(map(weights, pointwise(rule, hidden, width)))


def widest(rule: Rule, ratio: float, most: int = 1) -> float:
    """The widest hidden levels, relative to the narrower side, with which the whole network is `ratio` times smaller.

    Exact: every layer's narrower side divides that of the widest, so that only multiples of its inverse matter. 0 where
    no hidden level is narrow enough. At most `most` times the narrower side.
    """
    finest = max(map(min, pairwise(MobileNet().channels)))
    limit = dense_parameters() / ratio
    return _largest(lambda step: parameters(rule, step / finest) <= limit, most * finest) / finest


def floor() -> int:
    """Trainable numbers where every pointwise layer and the classifier is a Clos cascade of one router a level.

    That is a matrix of rank one, and the fewest weights that join all inputs to all outputs of a three-level cascade.
    """
    sizes = [*pairwise(MobileNet().channels), (MobileNet().channels[-1], MobileNet().classes)]
    classifier = MobileNet().counts()[-1].parameters
    single = sum(weights(Layer("clos", (inputs, outputs, 1, 1, 1))) for inputs, outputs in sizes)
    return _kept(1.0) - classifier + single + MobileNet().classes


def dense_parameters(width: float = 1.0) -> int:
    """Trainable numbers of the dense MobileNet."""
    return sum(count.parameters for count in MobileNet(width).counts())


def reach(ratio: float = 10.0) -> pd.DataFrame:
    """Which rules make the whole network `ratio` times smaller.

    Returns:
        "rule", "hidden" (least width of the hidden levels, relative to the narrower side), "parameters", "compression"
        and "reaches"; the three rules that have a free width again with the widest that reaches the ratio; and the
        floor of all cascades.
    """
    chosen = dict(RULES)
    for name, rule in (("three-level Clos", cheapest_clos), ("two-level", cheapest_two_level), ("low rank", rank_of)):
        chosen[f"{name}, widest hidden levels for {ratio:g}×"] = rule, widest(rule, ratio)
    rows = [(name, hidden, parameters(rule, hidden)) for name, (rule, hidden) in chosen.items()]
    rows.append(("one router a level, classifier too", 0.0, floor()))
    table = pd.DataFrame(rows, columns=["rule", "hidden", "parameters"])
    compression = dense_parameters() / table["parameters"]
    return table.assign(compression=compression, reaches=compression >= ratio)


def compression_by_width(hidden: Sequence[float]) -> pd.DataFrame:
    """Compression of the whole network against the width of the hidden levels: "topology", "hidden", "compression".

    Rules without a free width have one row, at 1.
    """
    free = {"clos": cheapest_clos, "multistage_clos": cheapest_two_level, "low_rank": rank_of}
    rows = [(name, at, parameters(rule, at)) for name, rule in free.items() for at in hidden]
    rows.append(("butterfly", 1.0, parameters(padded_butterfly)))
    table = pd.DataFrame(rows, columns=["topology", "hidden", "parameters"])
    return table.assign(compression=dense_parameters() / table["parameters"])


def rivals(total: int) -> pd.DataFrame:
    """What else has `total` parameters at most: "rival", "setting", "parameters" and "compression".

    The widest dense MobileNet, in steps of a thousandth of the width, and the largest rank relative to min(I, O).
    """
    width = _largest(lambda step: dense_parameters(max(step, 32) / 1000) <= total, 1000) / 1000
    share = _largest(lambda step: parameters(rank_of, step / 1000) <= total, 1000) / 1000
    table = pd.DataFrame(
        [
            ("narrow dense", width, dense_parameters(width)),
            ("low rank", share, parameters(rank_of, share)),
        ],
        columns=["rival", "setting", "parameters"],
    )
    return table.assign(compression=dense_parameters() / table["parameters"])


def requirements(rule: Rule, hidden: float = 1.0) -> pd.DataFrame:
    """What MobileNet's pointwise convolutions ask for, dense and as cascades of a rule.

    Returns:
        "convolutions" ("dense", "cascades"), "weights", "operations" of an image, and "activations", the numbers that
        they put out for an image, those between the stages of a cascade included: training keeps them.
    """
    rows = []
    for name, layers in (("dense", ()), ("cascades", pointwise(rule, hidden))):
        counted = [count for count in MobileNet(pointwise=layers).counts() if count.kind == "pointwise"]
        levels = [layer.build(np.random.default_rng(0)).widths[1:] for layer in layers]
        outputs = levels or [(channels,) for channels in MobileNet().channels[1:]]
        kept = sum(c.operations // c.parameters * sum(widths) for c, widths in zip(counted, outputs, strict=True))
        weights, operations = (sum(getattr(c, part) for c in counted) for part in ("parameters", "operations"))
        rows.append({"convolutions": name, "weights": weights, "operations": operations, "activations": kept})
    return pd.DataFrame(rows)


def training_memory(needed: pd.DataFrame, batches: Sequence[int]) -> pd.Series:
    """How many times the memory of the cascades dense convolutions take in training: weights, gradients of as many
    numbers, and kept activations.

    Args:
        needed: of `requirements`, by "convolutions".
        batches: images.

    Returns:
        By batch.
    """
    held = {batch: 2 * needed["weights"] + batch * needed["activations"] for batch in batches}
    return pd.Series({batch: numbers["dense"] / numbers["cascades"] for batch, numbers in held.items()})


def growth(channels: int) -> pd.DataFrame:
    """What twice the channels cost a pointwise layer: "topology", "weights", "weights_twice", "factor"."""
    rules = {"clos": cheapest_clos, "multistage_clos": cheapest_two_level, "butterfly": padded_butterfly}
    rows = [("dense", channels**2, (2 * channels) ** 2)]
    for name, rule in rules.items():
        rows.append((name, weights(rule(channels, channels, 1.0)), weights(rule(2 * channels, 2 * channels, 1.0))))
    table = pd.DataFrame(rows, columns=["topology", "weights", "weights_twice"])
    return table.assign(factor=table["weights_twice"] / table["weights"])


def _largest(fits: Callable[[int], bool], upper: int) -> int:
    """The largest step from 0 to `upper` that fits, where all below it fit too; 0 where none does."""
    low, high = 0, upper + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _neurons(inputs: int, outputs: int, hidden: float) -> int:
    return max(1, math.ceil(hidden * min(inputs, outputs) - 1e-9))


def _kept(width: float) -> int:
    return sum(count.parameters for count in MobileNet(width).counts() if count.kind != "pointwise")

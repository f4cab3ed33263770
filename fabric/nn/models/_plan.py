"""What a budget of weights or of seconds buys for one layer."""

import math
from bisect import bisect_left
from collections.abc import Sequence

from fabric._checks import one_of, positive_int, positive_number, sequence, size
from fabric.nn.models._entries import STRUCTURES, Plan, entries
from fabric.nn.models._times import within_seconds


def plan(
    in_features: int,
    out_features: int,
    *,
    weights: int | None = None,
    fewer: float | None = None,
    seconds: float | None = None,
    rows: int = 256,
    structures: Sequence[str] = STRUCTURES,
    taps: int = 1,
) -> list[Plan]:
    """Ways to spend a budget on a layer, the preferred first.

    Clos cascades come first, at most five of them, then the best of each other structure. Preferred is a Clos cascade
    that has nearly as many independent entries as the budget allows, then one without padding and with all sizes
    multiples of 8, then one with about as many routers at either end as each of them has neurons.

    Args:
        in_features, out_features: of the layer.
        weights: at most so many, the bias not counted; below the dense layer's in_features · out_features.
        fewer: at most the dense layer's divided by this number above 1.
        seconds: at most so long for a forward pass of `rows` rows on this machine, measured while it plans; of each
            structure about the largest that is fast enough. One of `weights`, `fewer` and `seconds`.
        rows: for `seconds`.
        structures: those wanted. Butterflies need as many inputs as outputs, a power of a radix.
        taps: pixels of the window of a convolution whose first stage sees them: in_features are channels · taps, and
            the routers share out the channels. 1 for a linear layer.

    Raises:
        ValueError: an argument out of its range, none or several of `weights`, `fewer` and `seconds`, or a budget that
            none of the structures fits; the message names the nearest that one does.
    """
    inputs, outputs = size("in_features", in_features), size("out_features", out_features)
    wanted = [
        one_of("structures", name, STRUCTURES)
        for name in sequence("structures", structures, "names of structures", entry=str)
    ]
    taps, dense = positive_int("taps", taps), inputs * outputs
    if inputs % taps:
        raise ValueError(f"in_features must be a multiple of taps = {taps}, got {inputs}")
    if seconds is not None and weights is None and fewer is None:
        if taps != 1:
            raise ValueError(f"taps must be 1 where seconds are the budget, got {taps}")
        seconds, rows = positive_number("seconds", seconds), positive_int("rows", rows)
        return within_seconds(inputs, outputs, seconds, rows, wanted)
    budget, argument = _budget(dense, weights, fewer, seconds)

    found = entries(inputs, outputs, budget, wanted, taps)
    if found:
        return found
    least = bisect_left(range(dense), True, key=lambda most: bool(entries(inputs, outputs, most, wanted, taps)))
    if least == dense:
        raise ValueError(
            f"structures must hold one that exists for {inputs} inputs and {outputs} outputs with fewer weights than "
            f"the dense layer's {dense}, got {', '.join(wanted) or 'none'}"
        )
    raise ValueError(
        f"{argument} must leave at least {least} weights for {' or '.join(wanted)} from {inputs} to {outputs} "
        f"({dense / least:.4g} times fewer than dense ones), leaves {budget}"
    )


def above_one(name: str, value: object) -> float:
    """Return `value` as a float, or raise ValueError unless it is a finite number above 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 < value < math.inf:
        raise ValueError(f"{name} must be a finite number above 1, got {value!r}")
    return float(value)


def _budget(dense: int, weights: int | None, fewer: float | None, seconds: float | None) -> tuple[int, str]:
    """Weights at most, and the argument that says so."""
    if (weights is None) == (fewer is None) or seconds is not None:
        raise ValueError(
            f"one of weights, fewer and seconds must be given, got weights={weights!r}, fewer={fewer!r} and "
            f"seconds={seconds!r}"
        )
    if weights is None:
        return int(dense / above_one("fewer", fewer)), f"fewer = {fewer}"
    budget = positive_int("weights", weights)
    if budget >= dense:
        raise ValueError(f"weights must be below the dense layer's {dense}, got {weights!r}")
    return budget, f"weights = {budget}"

"""Clos topologies: levels of routers, each router a small dense layer (ClosNets, section II)."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fabric._checks import buildable, positive_int, sequence, shown, size
from fabric.topology._families import family
from fabric.topology._stages import Routers
from fabric.topology._topology import Topology


def router_sizes(neurons: int, routers: int) -> list[int]:
    """Neurons per router when `neurons` are dealt out in order and as evenly as possible.

    The first `neurons % routers` routers get one neuron more than the others.

    Raises:
        ValueError: an argument that is not a positive integer.
    """
    neurons = size("neurons", neurons)
    routers = size("routers", routers)
    share, more = divmod(neurons, routers)
    return [share + (router < more) for router in range(routers)]


@family
def clos(inputs: int, outputs: int, input_routers: int, middle_routers: int, output_routers: int) -> Topology:
    """Clos cascade (I, O, R_i, R_m, R_o) of ClosNets, section II.

    Input router r is dense from its inputs to its R_m hidden neurons (r, m); middle router m is dense from
    (0, m) ... (R_i - 1, m) to its R_o hidden neurons (m, o); output router o is dense from (0, o) ... (R_m - 1, o) to
    its outputs. Hidden neurons are numbered r * R_m + m and m * R_o + o. Every input reaches every output by exactly
    R_m paths, and there are R_m (I + O + R_i R_o) parameters for any sizes: where I or O do not divide by their
    routers, no neuron is added, the routers differ in size by one instead (see `router_sizes`).

    Args:
        inputs, outputs: neurons I and O of the dense layer that the cascade replaces.
        input_routers, output_routers: R_i from 1 to I and R_o from 1 to O.
        middle_routers: R_m, at least 1.

    Raises:
        ValueError: an argument that is not an integer in its range.
    """
    inputs = size("inputs", inputs)
    outputs = size("outputs", outputs)
    input_routers = positive_int("input_routers", input_routers, upper=inputs)
    middle_routers = size("middle_routers", middle_routers)
    output_routers = positive_int("output_routers", output_routers, upper=outputs)
    hidden = (input_routers * middle_routers, middle_routers * output_routers)
    buildable(
        (inputs, *hidden, outputs), inputs=inputs, outputs=outputs, input_routers=input_routers,
        middle_routers=middle_routers, output_routers=output_routers,
    )  # fmt: skip
    return Topology(
        _clos_stages(inputs, outputs, (input_routers, middle_routers, output_routers)),
        name=f"clos({inputs}, {outputs}, {input_routers}, {middle_routers}, {output_routers})",
    )


@family
def multistage_clos(inputs: int, outputs: int, routers: Sequence[int]) -> Topology:
    """Clos cascade with any number of router levels; three levels [R_i, R_m, R_o] are `clos`.

    A router has one wire from each router of the level before it and one to each router of the level after it, and is
    dense in between; the first and last level share out the inputs and outputs (see `router_sizes`). The wire from
    router a to router b is hidden neuron a * (routers of b's level) + b. Between every pair there are as many paths
    as the product of the inner router counts, so every input reaches every output. With routers R_1 ... R_k there are
    I R_2 + R_1 R_2 R_3 + ... + R_(k-2) R_(k-1) R_k + R_(k-1) O parameters.

    Args:
        inputs, outputs: neurons I and O of the dense layer that the cascade replaces.
        routers: routers per level, at least two levels; the first from 1 to I, the last from 1 to O.

    Raises:
        ValueError: an argument that is not an integer in its range, or fewer than two levels.
    """
    inputs = size("inputs", inputs)
    outputs = size("outputs", outputs)
    if len(sequence("routers", routers, "at least two router counts")) < 2:
        raise ValueError(f"routers must be a sequence of at least two router counts, got {shown(routers)}")
    largest = [inputs, *[None] * (len(routers) - 2), outputs]
    counts = [
        positive_int(f"routers[{level}]", count, upper) if upper else size(f"routers[{level}]", count)
        for level, (count, upper) in enumerate(zip(routers, largest, strict=True))
    ]
    wires = (before * after for before, after in pairwise(counts))
    buildable((inputs, *wires, outputs), inputs=inputs, outputs=outputs, routers=counts)
    return Topology(_clos_stages(inputs, outputs, counts), name=f"multistage_clos({inputs}, {outputs}, {counts})")


def _clos_stages(inputs: int, outputs: int, routers: Sequence[int]) -> list[Routers]:
    """One stage per router level: a neuron is joined to the neurons that enter or leave the same router."""
    entered = [np.repeat(np.arange(routers[0]), router_sizes(inputs, routers[0]))]
    left = []
    for before, after in pairwise(routers):
        source, target = np.divmod(np.arange(before * after), after)
        left.append(source)
        entered.append(target)
    left.append(np.repeat(np.arange(routers[-1]), router_sizes(outputs, routers[-1])))
    return list(map(Routers, left, entered))

"""The Clos topology: three stages of routers, each a small dense layer (ClosNets, section II)."""

import numpy as np

from fabric._checks import positive_int
from fabric.topology._topology import Topology


def router_sizes(neurons: int, routers: int) -> list[int]:
    """Neurons per router when `neurons` are dealt out in order and as evenly as possible.

    The first `neurons % routers` routers get one neuron more than the others.
    """
    share, more = divmod(neurons, routers)
    return [share + (router < more) for router in range(routers)]


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
    inputs = positive_int("inputs", inputs)
    outputs = positive_int("outputs", outputs)
    input_routers = positive_int("input_routers", input_routers, upper=inputs)
    middle_routers = positive_int("middle_routers", middle_routers)
    output_routers = positive_int("output_routers", output_routers, upper=outputs)

    input_router = np.repeat(np.arange(input_routers), router_sizes(inputs, input_routers))
    output_router = np.repeat(np.arange(output_routers), router_sizes(outputs, output_routers))
    left_r, left_m = np.divmod(np.arange(input_routers * middle_routers), middle_routers)
    right_m, right_o = np.divmod(np.arange(middle_routers * output_routers), output_routers)
    return Topology(
        [
            left_r[:, None] == input_router[None, :],
            right_m[:, None] == left_m[None, :],
            output_router[:, None] == right_o[None, :],
        ],
        name=f"clos({inputs}, {outputs}, {input_routers}, {middle_routers}, {output_routers})",
    )

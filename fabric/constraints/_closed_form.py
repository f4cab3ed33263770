"""Solvable constraints as a formula, where one is proved."""

from itertools import pairwise

import numpy as np

from fabric._checks import instance
from fabric.constraints._graph import live_stages
from fabric.topology import Topology


def closed_form(topology: Topology) -> int | None:
    """The generic rank of the map from weights to dense matrix where a formula is proved below, otherwise None.

    P, H, I, O count parameters, hidden neurons, inputs and outputs. Each hidden neuron can be rescaled (its incoming
    weights times c, its outgoing ones by 1 / c) without changing the product, so min(I O, P - H) is a bound for any
    cascade. Edges and neurons on no path from an input to an output are not counted. The bound is not always reached:
    clos(8, 8, 2, 2, 8) has 40 of 44. "Generic" holds for almost all weights; a matrix of polynomials has full rank
    generically as soon as it has it at one point.

    *Unique paths* (no pair has more than one: single stages, butterflies of any radix, two-level Clos): P - H. Each
    entry is a monomial, so the rank is that of the incidence matrix of paths and edges over the rationals. Its rows are
    flows, which are balanced at H neurons: rank at most P - H. Every flow is a combination of rows: add a large
    multiple of the sum of all paths, which is positive on every edge, and a non-negative flow decomposes into paths.

    *Two complete stages* through r neurons: r (I + O - r) if r <= min(I, O), else I O. These are the matrices of rank
    r, a variety of that dimension.

    *Three-level Clos* with n_r inputs at input router r, m_o outputs at output router o, M middle routers. The block
    of routers (o, r) is C_o D_or A_r with D_or diagonal. I O if M >= I or M >= O or M >= n_r m_o for all (o, r): the
    derivatives dC_o [D_or A_r]_r, [C_o D_or]_o dA_r, or C_o dD_or A_r alone span everything. P - H if
    (a) M <= n_r for all r, (b) there are at least two input routers and (c) the output routers fall into two groups
    with sum of (m_o - 1) >= M - 1 in each; or the same with inputs and outputs exchanged.
    Proof: the kernel of the derivative must have dimension H = M (R_i + R_o). Let dC_o D_or A_r + C_o dD_or A_r +
    C_o D_or dA_r = 0 for all (o, r). By (a), A_r has independent rows; write dA_r = Z_r A_r + V_r with V_r in a
    complement of its row space. Then C_o D_or V_r = 0 for all o, hence V_r = 0, as the C_o D_or stacked have M
    independent columns by (c). What is left says that C_o (dD_or / D_or + D_or Z_r / D_or) = -dC_o does not depend on
    r. Take column j: it is the sum over i != j of C_o[:, i] d_i z_i / d_j, with z = Z_r[:, j], and a multiple x_or of
    C_o[:, j]. Modulo C_o[:, j], C'_o S_or z_r is the same for all r, with m_o - 1 generic rows C'_o and generic
    diagonal S_or. For r = 1, 2 these are equations C'_o (S_o1 z_1 - S_o2 z_2) = 0, which force z_1 = z_2 = 0: at
    S_o1 = 1 and S_o2 = 0 in one group of (c), 1 in the other, the first group gives z_1 = 0, the second z_2 = 0. So
    all z_r = 0, and x_or = x_o. Free are x_o and Z_r[j, j] for every j: M (R_o + R_i) numbers.

    Raises:
        ValueError: not a Topology.
    """
    instance("topology", topology, Topology)
    inputs, outputs = topology.inputs, topology.outputs
    if topology.path_diversity[1] <= 1:
        stages = live_stages(topology)
        return sum(int(stage.sum()) for stage in stages) - sum(int(stage.any(axis=1).sum()) for stage in stages[:-1])
    if topology.depth == 2 and all(stage.all() for stage in topology.stages):
        rank = min(topology.hidden, inputs, outputs)
        return rank * (inputs + outputs - rank)
    sizes = _clos_sizes(topology)
    if sizes is None:
        return None
    into, out, middle = sizes
    if middle >= min(inputs, outputs, into.max() * out.max()):
        return inputs * outputs
    if _is_sparse_enough(into, out, middle) or _is_sparse_enough(out, into, middle):
        return topology.parameters - topology.hidden
    return None


def _is_sparse_enough(dense: np.ndarray, split: np.ndarray, middle: int) -> bool:
    """Conditions (a), (b) on the routers of one side and (c) on those of the other, dealt out in turn by size."""
    second_group = np.sort(split)[::-1][1::2] - 1
    return middle <= dense.min() and len(dense) >= 2 and int(second_group.sum()) >= middle - 1


def _clos_sizes(topology: Topology) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Inputs per input router, outputs per output router and middle routers if this is a Clos cascade, else None."""
    if topology.depth != 3:
        return None
    routers = [found for stage in topology.stages if (found := _routers(stage)) is not None]
    if len(routers) < 3:
        return None
    for (left, _), (_, entered) in pairwise(routers):
        wires = np.zeros((left.max() + 1, entered.max() + 1), int)
        np.add.at(wires, (left, entered), 1)
        if (wires != 1).any():
            return None
    (_, first), (middle, _), (last, _) = routers
    return np.bincount(first), np.bincount(last), int(middle.max()) + 1


def _routers(stage: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Router of every output and of every input if the stage consists of disjoint dense routers, else None."""
    _, leaders, router_of_output = np.unique(np.packbits(stage, axis=1), axis=0, return_index=True, return_inverse=True)
    members = stage[leaders]
    if (members.sum(axis=0) != 1).any():
        return None
    return router_of_output.reshape(-1), members.argmax(axis=0)

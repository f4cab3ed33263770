"""Scatter: whether every neuron sees a bit of everything on the other side of a junction, as one number in (0, 1].

Windows slide over one layer: neighbouring neurons, image patches, or blocks of feature maps. Were the edges spread
evenly, each neuron of the other layer would have |window| times the density in edges from each window. Scatter is the
mean, over neurons and windows, of the edges there are divided by those there should be, surpluses counted as one (the
metric of the authors' public code, adjmatint.py of souryadey/predefinedsparse-nnets). 1: perfectly even.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fabric._checks import MOST_NEURONS, instance, integers, positive_int, sequence, shown
from fabric.topology._topology import Topology

_MOST_ENTRIES = 1 << 27  # of all windows, a gigabyte


@dataclass(frozen=True)
class NetworkScatter:
    """Scatter of every junction and of the whole network, in both directions.

    Attributes:
        forward: per junction, its outputs with respect to windows over its inputs.
        backward: per junction, its inputs with respect to windows over its outputs.
        net_forward, net_backward: the same for the network's outputs and inputs, where paths take the place of edges.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    net_forward: float
    net_backward: float

    @property
    def minimum(self) -> float:
        """The one number that stands for the network."""
        return min(*self.forward, *self.backward, self.net_forward, self.net_backward)


def windows(shape: Sequence[int], size: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    """Indices of the neurons in each window over a layer that was flattened from `shape`, last axis fastest.

    windows((64,), (8,), (8,)) cuts 64 neurons into eight windows; windows((28, 28), (4, 4), (2, 2)) slides over an
    image; three axes serve flattened feature maps.

    Args:
        shape: the layer's axes.
        size, stride: of the window along each axis; together they must end with the last neuron.

    Returns:
        Integers (windows, neurons per window).

    Raises:
        ValueError: numbers of axes that differ, or a window that does not fit.
    """
    for name, value in (("shape", shape), ("size", size), ("stride", stride)):
        sequence(name, value, "positive integers, one per axis")
    if not len(shape) == len(size) == len(stride) >= 1:
        raise ValueError(
            f"size and stride must have an entry per axis of shape {shown(shape)}, got {shown(size)} and "
            f"{shown(stride)}"
        )
    for axis, (length, width, step) in enumerate(zip(shape, size, stride, strict=True)):
        positive_int(f"shape[{axis}]", length)
        positive_int(f"size[{axis}]", width, upper=length)
        positive_int(f"stride[{axis}]", step)
        if (length - width) % step:
            raise ValueError(
                f"stride[{axis}] must divide {length} - {width}, got {shown(step)}: neurons would be left over"
            )
    neurons_per_window = math.prod(size)
    count = math.prod((length - width) // step + 1 for length, width, step in zip(shape, size, stride, strict=True))
    if math.prod(shape) > MOST_NEURONS or count * neurons_per_window > _MOST_ENTRIES:
        raise ValueError(
            f"shape, size, stride must have at most {MOST_NEURONS:,} neurons and {_MOST_ENTRIES:,} entries in windows, "
            f"got {shown(shape)}, {shown(size)}, {shown(stride)}"
        )
    neurons = np.arange(math.prod(shape)).reshape(tuple(shape))
    views = np.lib.stride_tricks.sliding_window_view(neurons, tuple(size))
    chosen = views[tuple(slice(None, None, step) for step in stride)]
    return chosen.reshape(-1, neurons_per_window)


def scatter(connections: ArrayLike, over: ArrayLike) -> float:
    """Scatter of the rows with respect to windows over the columns; transpose for the other direction.

    Args:
        connections: boolean or counts (outputs, inputs): a stage, or the path counts of a topology. Leave padded
            outputs out by slicing the rows, padded inputs by windows that avoid them.
        over: integers (windows, neurons per window), columns of `connections`, as `windows` returns; none twice in a
            window.

    Raises:
        ValueError: no connection at all, counts that are not finite or below zero, or windows that do not lie in the
            columns or hold one twice.
    """
    return _scatter(connections, over, "over")


def _scatter(connections: ArrayLike, over: ArrayLike, name: str) -> float:
    """`scatter` with the name that errors give to the windows."""
    over = integers(name, over, "windows", "neurons")
    try:
        counts = np.asarray(connections, float)
    except Exception:
        raise ValueError(f"connections must be a matrix of finite counts, got {shown(connections)}") from None
    if counts.ndim != 2 or not np.isfinite(counts).all() or counts.min(initial=0) < 0 or not counts.any():
        raise ValueError(
            "connections must be a matrix of finite counts from 0 with at least one connection, got shape "
            f"{counts.shape} with values from {counts.min(initial=np.inf)} to {counts.max(initial=-np.inf)}: "
            f"{shown(connections)}"
        )
    if over.min() < 0 or over.max() >= counts.shape[1]:
        raise ValueError(
            f"{name} must hold columns 0 ... {counts.shape[1] - 1} of connections, {shown(connections)}, "
            f"got {over.min()} ... {over.max()}"
        )
    in_order = np.sort(over, axis=1)
    repeated = np.argwhere(np.diff(in_order) == 0)
    if len(repeated):
        window, place = repeated[0]
        raise ValueError(
            f"{name} must hold each column once per window, window {window} repeats {in_order[window, place]}"
        )
    share = counts.mean()  # of one row per column: fan-in / p where the fan-in is fixed
    inside = np.zeros((counts.shape[1], len(over)))
    inside[over, np.arange(len(over))[:, None]] = 1
    seen = counts @ inside
    return float(np.minimum(seen / (over.shape[1] * share), 1).mean())


def network_scatter(
    topology: Topology,
    over: Sequence[np.ndarray],
    net_over: tuple[np.ndarray, np.ndarray],
    real: tuple[int, int] | None = None,
) -> NetworkScatter:
    """Scatter of all stages of a topology and of its paths.

    Args:
        topology: one stage per junction.
        over: windows over each level of neurons, inputs first; used for the junctions on both sides of it.
        net_over: windows over the inputs and over the outputs for the network as a whole. The published default for
            Morse code is windows of 8 on every level and of single neurons for the network.
        real: inputs and outputs that are not padding: only their values enter the means. None: all. Windows over
            the inputs and outputs should avoid padding too.

    Raises:
        ValueError: a number of windows that is not that of levels, or windows that do not fit.
    """
    instance("topology", topology, Topology)
    sequence("over", over, f"windows, one array for each level of topology {topology}", length=topology.depth + 1)
    sequence("net_over", net_over, "windows over the inputs and over the outputs", length=2)
    if real is None:
        real = (topology.inputs, topology.outputs)
    inputs, outputs = sequence("real", real, "neurons that are no padding, inputs and outputs", length=2)
    positive_int("real[0]", inputs, upper=topology.inputs)
    positive_int("real[1]", outputs, upper=topology.outputs)
    rows = [*topology.widths[1:-1], outputs]
    columns = [inputs, *topology.widths[1:-1]]
    paths = topology.path_counts()
    forward, backward = [], []
    for below, stage in enumerate(topology.stages):
        forward.append(_scatter(stage[: rows[below]], over[below], f"over[{below}]"))
        backward.append(_scatter(stage.T[: columns[below]], over[below + 1], f"over[{below + 1}]"))
    return NetworkScatter(
        forward=tuple(forward),
        backward=tuple(backward),
        net_forward=_scatter(paths[:outputs], net_over[0], "net_over[0]"),
        net_backward=_scatter(paths.T[:inputs], net_over[1], "net_over[1]"),
    )

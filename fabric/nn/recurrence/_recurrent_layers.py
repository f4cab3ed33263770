"""Drop-ins for `torch.nn.LSTM` and `torch.nn.GRU`: Clos cascades by router counts, or cascades of any topology."""

import math
from collections.abc import Callable, Sequence

from fabric._checks import positive_int
from fabric.nn._cascade import CascadeLinear
from fabric.nn._clos import ClosLinear
from fabric.nn.recurrence._recurrent import Build, _Gru, _Lstm
from fabric.topology import Topology

Routers = Sequence[int]  # (R_i, R_m, R_o)
SHARE = 0.1  # of a dense matrix's weights that balanced routers take


def balanced_routers(inputs: int, outputs: int, share: float = SHARE) -> tuple[int, int, int]:
    """(R_i, R_m, R_o) of a Clos cascade with at most `share` of the dense layer's weights, but always one path.

    R_i and R_o are near the square roots of inputs and outputs, where R_i R_o stays small and so R_m large.
    """
    inputs, outputs = positive_int("inputs", inputs), positive_int("outputs", outputs)
    first, last = round(math.sqrt(inputs)), round(math.sqrt(outputs))
    return first, max(1, int(share * inputs * outputs / (inputs + outputs + first * last))), last


def _clos(name: str, routers: Routers | None, bias: bool, device, dtype) -> Build:
    def build(inputs: int, outputs: int) -> ClosLinear:
        counts = balanced_routers(inputs, outputs) if routers is None else tuple(routers)
        if len(counts) != 3:
            raise ValueError(f"{name} must be three counts (R_i, R_m, R_o), got {routers!r}")
        return ClosLinear(inputs, outputs, *counts, bias=bias, device=device, dtype=dtype)

    return build


def _cascade(name: str, topology: Callable[[int, int], Topology], bias: bool, device, dtype) -> Build:
    def build(inputs: int, outputs: int) -> CascadeLinear:
        made = topology(inputs, outputs) if callable(topology) else topology
        if not isinstance(made, Topology) or (made.inputs, made.outputs) != (inputs, outputs):
            raise ValueError(
                f"{name} must make a Topology of {inputs} inputs and {outputs} outputs from both counts, got {made!r}"
            )
        return CascadeLinear(made, bias=bias, device=device, dtype=dtype)

    return build


def _refuse_projection(proj_size: int) -> None:
    if proj_size != 0:
        raise ValueError(f"proj_size must be 0, projections of the hidden state are not supported, got {proj_size!r}")


class ClosLSTM(_Lstm):
    """An LSTM whose matrices are Clos cascades, a drop-in for `torch.nn.LSTM`.

    Shapes, states and arguments are those of `torch.nn.LSTM`; the gates are stacked, in its order. The poster's claim
    (NeuroFabric): more memory need not mean quadratically more connections.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: as for `torch.nn.LSTM`.
        proj_size: must be 0.
        input_routers: (R_i, R_m, R_o) of the cascades from a cell's inputs to its 4 · hidden_size gates; if None those
            of `balanced_routers`, a tenth of the dense weights.
        hidden_routers: the same from the hidden state.
        device, dtype: as for `torch.nn.LSTM`.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
        *,
        input_routers: Routers | None = None,
        hidden_routers: Routers | None = None,
    ) -> None:
        _refuse_projection(proj_size)
        layers = (
            _clos("input_routers", input_routers, bias, device, dtype),
            _clos("hidden_routers", hidden_routers, bias, device, dtype),
        )
        super().__init__(input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, *layers)


class ClosGRU(_Gru):
    """A GRU whose matrices are Clos cascades, a drop-in for `torch.nn.GRU`; arguments and errors as for `ClosLSTM`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device=None,
        dtype=None,
        *,
        input_routers: Routers | None = None,
        hidden_routers: Routers | None = None,
    ) -> None:
        layers = (
            _clos("input_routers", input_routers, bias, device, dtype),
            _clos("hidden_routers", hidden_routers, bias, device, dtype),
        )
        super().__init__(input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, *layers)


class CascadeLSTM(_Lstm):
    """An LSTM whose matrices are cascades of any topology, a drop-in for `torch.nn.LSTM`.

    Args:
        input_topology: makes the topology from a cell's inputs to its 4 · hidden_size gates, given both counts: the
            cells of upper layers have other inputs than those of the first.
        hidden_topology: the same from the hidden state.
        input_size, hidden_size and the others: as for `ClosLSTM`.

    Raises:
        ValueError: an argument out of its range, or a topology of other sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        input_topology: Callable[[int, int], Topology],
        hidden_topology: Callable[[int, int], Topology],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        _refuse_projection(proj_size)
        layers = (
            _cascade("input_topology", input_topology, bias, device, dtype),
            _cascade("hidden_topology", hidden_topology, bias, device, dtype),
        )
        super().__init__(input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, *layers)


class CascadeGRU(_Gru):
    """A GRU whose matrices are cascades of any topology; arguments and errors as for `CascadeLSTM`, gates 3."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        input_topology: Callable[[int, int], Topology],
        hidden_topology: Callable[[int, int], Topology],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        layers = (
            _cascade("input_topology", input_topology, bias, device, dtype),
            _cascade("hidden_topology", hidden_topology, bias, device, dtype),
        )
        super().__init__(input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, *layers)

"""Recurrent layers in the place of others, each matrix of a cell as a layer of its own."""

from collections.abc import Iterable

from torch import Tensor, nn

from fabric.nn._clos import ClosLinear
from fabric.nn._structured import StructuredLinear
from fabric.nn.recurrence._recurrent import CascadeRecurrent
from fabric.nn.recurrence._recurrent_layers import CascadeGRU, CascadeLSTM, ClosGRU, ClosLSTM


def matrices_of(layer: nn.GRU | nn.LSTM) -> list[Tensor]:
    """Cell by cell the weights from its inputs, (gates, inputs), and from its hidden state, (gates, hidden_size)."""
    return [values[kind] for values in layer.all_weights for kind in (0, 1)]


def with_layers(layer: nn.GRU | nn.LSTM, layers: Iterable[StructuredLinear]) -> CascadeRecurrent:
    """A `ClosGRU` or `ClosLSTM` if all layers are Clos cascades, else a `CascadeGRU` or `CascadeLSTM`; freshly drawn.

    Args:
        layer: gives the shape and the options.
        layers: in the order of `matrices_of`.
    """
    made = list(layers)
    is_clos, is_gru = all(type(each) is ClosLinear for each in made), isinstance(layer, nn.GRU)
    kind: type[CascadeRecurrent] = (
        (ClosGRU if is_gru else ClosLSTM) if is_clos else (CascadeGRU if is_gru else CascadeLSTM)
    )
    from_inputs, from_hidden = iter(made[::2]), iter(made[1::2])
    return kind.like(layer, lambda *_: next(from_inputs), lambda *_: next(from_hidden))

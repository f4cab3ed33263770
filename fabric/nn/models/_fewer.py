"""A rule for `replace`: every layer that is large enough with so many times fewer weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from fabric._checks import instance, one_of, positive_int, sequence
from fabric.nn.models._entries import STRUCTURES, Plan, entries
from fabric.nn.models._kept import TOO_FEW, why_kept
from fabric.nn.models._plan import above_one
from fabric.nn.models._replace import Choose
from fabric.nn.recurrence._recurrent_layers import ClosGRU, ClosLSTM


def fewer(
    factor: float, *, at_least: int = 10_000, structures: Sequence[str] = ("clos",), skip: Sequence[str] = ()
) -> Choose:
    """The rule for `replace` that takes the preferred plan with at most 1 / `factor` of a layer's weights.

    Layers are kept that are too small for the budget or cannot be exchanged alone (see `replace`), grouped convolutions
    and those that pad with other than zeros, and recurrent layers with projections. All cells of a recurrent layer have
    the routers of the one with the fewest inputs, and are Clos cascades whatever `structures` says.

    Args:
        factor: above 1.
        at_least: weights and biases of the smallest layer that is exchanged.
        structures: as for `plan`, of which its first entry counts.
        skip: names to keep, with wildcards as of a shell: "head" or "*.qkv". `replace` refuses those of nothing.

    Raises:
        ValueError: an argument that is out of its range.
    """
    factor, at_least = above_one("factor", factor), positive_int("at_least", at_least)
    wanted = tuple(one_of("structures", name, STRUCTURES) for name in sequence("structures", structures, "names", entry=str))
    kept = tuple(instance("skip", pattern, str) for pattern in sequence("skip", skip, "names of layers", entry=str))
    return _Fewer(factor, at_least, wanted, kept)


@dataclass(frozen=True)
class _Fewer:
    factor: float
    at_least: int
    structures: tuple[str, ...]
    skip: tuple[str, ...]

    def why(self, name: str, layer: nn.Module) -> str:
        """Why it keeps a layer."""
        return why_kept(name, layer, self.at_least, self.skip) or TOO_FEW

    def __call__(self, name: str, layer: nn.Module) -> nn.Module | Plan | None:
        if why_kept(name, layer, self.at_least, self.skip):
            return None
        if isinstance(layer, nn.GRU | nn.LSTM):
            return clos_recurrent(layer, self.factor)
        if isinstance(layer, nn.Conv2d):
            taps = math.prod(layer.kernel_size)
            return _first(layer.in_channels * taps, layer.out_channels, self.factor, self.structures, taps)
        if isinstance(layer, nn.Linear):
            return _first(layer.in_features, layer.out_features, self.factor, self.structures)
        return None


def _first(inputs: int, outputs: int, factor: float, structures: Sequence[str], taps: int = 1) -> Plan | None:
    return next(iter(entries(inputs, outputs, int(inputs * outputs / factor), structures, taps)), None)


def clos_recurrent(layer: nn.GRU | nn.LSTM, factor: float) -> ClosGRU | ClosLSTM | None:
    """A recurrent layer in the place of another, None if its budget is too small or it has projections."""
    weight = layer.all_weights[0][1]  # (gates, hidden_size)
    gates = weight.shape[0]
    inputs = [layer.input_size] + [(1 + layer.bidirectional) * layer.hidden_size] * (layer.num_layers > 1)
    into = _first(min(inputs), gates, factor, ["clos"])
    hidden = _first(layer.hidden_size, gates, factor, ["clos"])
    if layer.proj_size or into is None or hidden is None:
        return None
    kind = ClosGRU if isinstance(layer, nn.GRU) else ClosLSTM
    return kind(
        layer.input_size,
        layer.hidden_size,
        layer.num_layers,
        layer.bias,
        layer.batch_first,
        layer.dropout,
        layer.bidirectional,
        device=weight.device,
        dtype=weight.dtype,
        input_routers=into.counts,
        hidden_routers=hidden.counts,
    )

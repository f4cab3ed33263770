"""A rule for `replace`: every layer that is large enough with so many times fewer weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from fabric._checks import instance, one_of, positive_int, sequence
from fabric.nn.models._cells import matrices_of, with_layers
from fabric.nn.models._entries import STRUCTURES, Plan, entries
from fabric.nn.models._kept import TOO_FEW, why_kept
from fabric.nn.models._layers import is_flat, sizes_of
from fabric.nn.models._plan import above_one
from fabric.nn.models._replace import Choose
from fabric.nn.recurrence._recurrent import CascadeRecurrent


def fewer(
    factor: float, *, at_least: int = 10_000, structures: Sequence[str] = ("clos",), skip: Sequence[str] = ()
) -> Choose:
    """The rule for `replace` that takes the preferred plan with at most 1 / `factor` of a layer's weights.

    Layers are kept that are too small for the budget or cannot be exchanged alone (see `replace`), grouped convolutions
    and those that pad with other than zeros, and recurrent layers with projections. Each matrix of a recurrent layer
    is planned by itself: from the inputs of a cell to its gates, and from its hidden state.

    Args:
        factor: above 1.
        at_least: weights and biases of the smallest layer that is exchanged.
        structures: as for `plan`, of which its first entry counts.
        skip: names to keep, with wildcards as of a shell: "head" or "*.qkv". `replace` refuses those of nothing.

    Raises:
        ValueError: an argument that is out of its range.
    """
    factor, at_least = above_one("factor", factor), positive_int("at_least", at_least)
    named = sequence("structures", structures, "names", entry=str)
    wanted = tuple(one_of("structures", name, STRUCTURES) for name in named)
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
            return self._recurrent(layer)
        return self._first(*sizes_of(layer)) if is_flat(layer) else None

    def _first(self, inputs: int, outputs: int, taps: int = 1) -> Plan | None:
        return next(iter(entries(inputs, outputs, int(inputs * outputs / self.factor), self.structures, taps)), None)

    def _recurrent(self, layer: nn.GRU | nn.LSTM) -> CascadeRecurrent | None:
        """None if the budget is too small for one of the matrices."""
        found = [self._first(*matrix.shape[::-1]) for matrix in matrices_of(layer)]
        chosen = [entry for entry in found if entry is not None]
        if len(chosen) < len(found):
            return None
        weight = layer.all_weights[0][0]
        return with_layers(layer, [entry.layer(layer.bias, weight.device, weight.dtype) for entry in chosen])

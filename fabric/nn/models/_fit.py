"""One layer as the structure that comes nearest to it, of several that a budget allows."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from fabric.nn._structured import StructuredLinear
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.nn.models._cells import matrices_of, with_layers
from fabric.nn.models._entries import Plan, entries, two_level_counts
from fabric.nn.models._layers import Flat, matrix_of
from fabric.nn.models._moments import Moments
from fabric.nn.models._project import product, project
from fabric.nn.models._replace import built
from fabric.nn.models._times import dense_seconds, within_seconds


class Fit(NamedTuple):
    """A new layer, float64 on the CPU, and what it loses: relative errors of its matrix and of its outputs on data."""

    layer: nn.Module
    error: float
    on_data: float | None = None

    def loss(self) -> float:
        return self.error if self.on_data is None else self.on_data


def best_fit(
    name: str,
    layer: Flat,
    candidates: Sequence[Plan],
    seen: Moments | None,
    ridge: float,
    sweeps: int | None,
    generator: torch.Generator | None,
    done: Callable[[], object],
) -> Fit | None:
    """The candidate of least error with the bias set, None where there is none; `done` is called after each."""
    matrix = finite(name, matrix_of(layer))
    root = None if seen is None else seen.root(centred=layer.bias is not None)
    best = _nearest(matrix, candidates, lambda entry: built(entry, layer), root, ridge, sweeps, generator, done)
    if best is None or layer.bias is None:
        return best
    fitted = cast(StructuredLinear | StructuredConv2d, best.layer)
    assert fitted.bias is not None  # as the layer's is not
    with torch.no_grad():
        fitted.bias.copy_(layer.bias)
        if seen is not None:
            fitted.bias.add_((matrix - fitted.dense_weight().flatten(1)) @ seen.mean())
    return best


def recurrent_fit(
    name: str,
    layer: nn.GRU | nn.LSTM,
    candidates: Sequence[Sequence[Plan]],
    sweeps: int | None,
    generator: torch.Generator | None,
    done: Callable[[], object],
) -> Fit | None:
    """A recurrent layer of the candidates nearest to each matrix of another, None where a matrix has none."""
    if not all(candidates):
        return None
    fits: list[Fit] = []
    lost = whole = 0.0
    for weight, offered in zip(matrices_of(layer), candidates, strict=True):
        matrix = finite(name, weight)
        fit = _nearest(matrix, offered, lambda entry: entry.layer(layer.bias), None, 0.0, sweeps, generator, done)
        assert fit is not None  # as there are candidates
        square = float(matrix.square().sum())
        lost, whole = lost + fit.error**2 * square, whole + square
        fits.append(fit)
    made = with_layers(layer, [copy.deepcopy(cast(StructuredLinear, fit.layer)) for fit in fits])  # draws them anew
    layers: list[Any] = [new for cell in zip(made.input_layers, made.hidden_layers, strict=True) for new in cell]
    biases = [values[2 + kind] for values in layer.all_weights for kind in (0, 1) if layer.bias]
    with torch.no_grad():
        for new, fit in zip(layers, fits, strict=True):
            new.load_state_dict(fit.layer.state_dict())
        for new, bias in zip(layers, biases, strict=False):
            new.bias.copy_(bias)
    return Fit(made, math.sqrt(lost / max(whole, torch.finfo(torch.float64).tiny)))


def candidates(inputs: int, outputs: int, taps: int, budget: int, structures: Sequence[str]) -> list[Plan]:
    """Of each structure those that may be the nearest: the largest rank, and two-level routers that none refines."""
    found: list[Plan] = []
    rank = budget // (inputs + outputs)
    if "low rank" in structures and rank:
        found.append(Plan(inputs, outputs, "low rank", (rank,), rank * (inputs + outputs), rank, 0, taps))
    if "two-level" in structures:
        for first, last in two_level_counts(inputs, outputs, budget, taps):
            found.append(Plan(inputs, outputs, "two-level", (first, last), inputs * last + first * outputs, 1, 0, taps))
    if "clos" in structures:
        clos = entries(inputs, outputs, budget, ["clos"], taps)
        found += [entry for entry in clos if taps == 1 or inputs // taps % entry.counts[0] == 0][:1]
    return found


def timed_candidates(inputs: int, outputs: int, seconds: float, rows: int, structures: Sequence[str]) -> list[Plan]:
    """The preferred of each structure among those fast enough, none where the dense layer is.

    Raises:
        ValueError: all of them take longer.
    """
    if dense_seconds(inputs, outputs, rows) <= seconds:
        return []
    found = within_seconds(inputs, outputs, seconds, rows, list(structures))
    return list({entry.structure: entry for entry in reversed(found)}.values())


def finite(name: str, weight: Tensor) -> Tensor:
    """float64 on the CPU, or ValueError."""
    matrix = weight.detach().to("cpu", torch.float64)
    if not torch.isfinite(matrix).all():
        raise ValueError(f"model must have finite weights, got some in {name} that are not")
    return matrix


class _Candidate(NamedTuple):
    entry: Plan
    values: list[Tensor]
    error: float
    on_data: float | None

    def order(self) -> tuple[float, float]:
        return self.error if self.on_data is None else self.on_data, self.error


def _nearest(
    matrix: Tensor,
    entries: Sequence[Plan],
    build: Callable[[Plan], StructuredLinear | StructuredConv2d],
    root: Tensor | None,
    ridge: float,
    sweeps: int | None,
    generator: torch.Generator | None,
    done: Callable[[], object],
) -> Fit | None:
    """The layer of the entry that comes nearest to a matrix; only this one is built."""
    found: list[_Candidate] = []
    with torch.no_grad():
        for entry in entries:
            values = project(matrix, entry, root, ridge, sweeps, generator)
            lost = matrix - product(entry, values)
            on_data = None if root is None else _relative(lost @ root, matrix @ root)
            found.append(_Candidate(entry, values, _relative(lost, matrix), on_data))
            done()
        best = min(found, key=_Candidate.order, default=None)
        if best is None:
            return None
        new = build(best.entry).to("cpu", torch.float64)
        for stage, value in zip(new.stage_weights(), best.values, strict=True):
            stage.weight.copy_(value)
    return Fit(new, best.error, best.on_data)


def _relative(lost: Tensor, whole: Tensor) -> float:
    return float(lost.norm() / whole.norm().clamp_min(torch.finfo(whole.dtype).tiny))

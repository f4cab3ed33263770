"""One layer as the structure that comes nearest to it, of several that a budget allows."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from fabric.nn._clos import ClosLinear
from fabric.nn._structured import StructuredLinear
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.nn.models._entries import Plan, entries, two_level_counts
from fabric.nn.models._fewer import clos_recurrent
from fabric.nn.models._moments import Moments
from fabric.nn.models._project import project
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
    layer: nn.Linear | nn.Conv2d,
    candidates: Sequence[Plan],
    seen: Moments | None,
    ridge: float,
    sweeps: int,
    generator: torch.Generator | None,
    done: Callable[[], object],
) -> Fit | None:
    """The candidate of least error with the bias set, None where there is none; `done` is called after each."""
    matrix = finite(name, layer.weight).flatten(1)
    root = None if seen is None else seen.root(centred=layer.bias is not None)
    fits: list[Fit] = []
    for entry in candidates:
        new = built(entry, layer).to("cpu", torch.float64)
        with torch.no_grad():
            values = project(matrix, entry, root, ridge, sweeps, generator)
            for stage, value in zip(new.stage_weights(), values, strict=True):
                stage.weight.copy_(value)
            fits.append(_measured(new, matrix, root))
        done()
    best = min(fits, key=lambda fit: (fit.loss(), fit.error), default=None)
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
    share: float,
    sweeps: int,
    generator: torch.Generator | None,
    done: Callable[[], object],
) -> Fit | None:
    """A recurrent layer of Clos cascades nearest to the matrices of another, None where the budget is too small."""
    new = clos_recurrent(layer, 1 / share)
    if new is None:
        return None
    new = new.to("cpu", torch.float64)
    lost = whole = 0.0
    with torch.no_grad():
        for cell, values in enumerate(layer.all_weights):
            for own, kind in enumerate((new.input_layers, new.hidden_layers)):
                matrix, cascade = finite(name, values[own]), cast(ClosLinear, kind[cell])
                inputs, outputs, *counts = cascade.routers
                entry = Plan(inputs, outputs, "clos", tuple(counts), cascade.topology.parameters, counts[1], 0)
                weights = project(matrix, entry, None, 0.0, sweeps, generator)
                for stage, value in zip(cascade.stage_weights(), weights, strict=True):
                    stage.weight.copy_(value)
                if cascade.bias is not None:
                    cascade.bias.copy_(values[2 + own])
                lost += float((cascade.dense_weight() - matrix).square().sum())
                whole += float(matrix.square().sum())
            done()
    return Fit(new, math.sqrt(lost / max(whole, torch.finfo(torch.float64).tiny)))


def candidates(layer: nn.Linear | nn.Conv2d, budget: int, structures: Sequence[str]) -> list[Plan]:
    """Of each structure those that may be the nearest: the largest rank, and two-level routers that none refines."""
    taps = math.prod(layer.kernel_size) if isinstance(layer, nn.Conv2d) else 1
    outputs, inputs = layer.weight.flatten(1).shape
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


def timed_candidates(layer: nn.Linear, seconds: float, rows: int, structures: Sequence[str]) -> list[Plan]:
    """The preferred of each structure among those fast enough, none where the dense layer is.

    Raises:
        ValueError: all of them take longer.
    """
    inputs, outputs = layer.in_features, layer.out_features
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


def _measured(layer: StructuredLinear | StructuredConv2d, matrix: Tensor, root: Tensor | None) -> Fit:
    lost = matrix - layer.dense_weight().flatten(1)
    on_data = None if root is None else _relative(lost @ root, matrix @ root)
    return Fit(layer, _relative(lost, matrix), on_data)


def _relative(lost: Tensor, whole: Tensor) -> float:
    return float(lost.norm() / whole.norm().clamp_min(torch.finfo(whole.dtype).tiny))

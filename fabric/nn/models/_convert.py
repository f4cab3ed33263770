"""A trained model with fewer weights: each layer as the structure that comes nearest to it within a budget."""

import math
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fabric._checks import instance, one_of, positive_int, sequence
from fabric.nn._structured import StructuredLinear
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.nn.models._moments import Moments, moments
from fabric.nn.models._plan import Plan, entries, two_level_counts
from fabric.nn.models._project import project, refine
from fabric.nn.models._replace import Replaced, built, obstacle, replace, shared

CONVERTIBLE = ("clos", "two-level", "low rank")


class _Fit(NamedTuple):
    layer: StructuredLinear | StructuredConv2d  # float64 on the CPU
    error: float
    on_data: float | None

    def loss(self) -> float:
        return self.error if self.on_data is None else self.on_data


def convert(
    model: nn.Module,
    budget: float,
    data: Iterable[object] | None = None,
    *,
    structures: Sequence[str] = CONVERTIBLE,
    at_least: int = 10_000,
    tolerance: float = math.inf,
    skip: Sequence[str] = (),
    sweeps: int = 100,
    in_place: bool = False,
    generator: torch.Generator | None = None,
) -> Replaced:
    """Trained `torch.nn.Linear` and `Conv2d` layers as products of factors with a share of their weights.

    Every layer becomes the structure of least error within its budget: the optimum of low rank, the optimum of a
    two-level Clos (Monarch) of any routers that divide, or a Clos cascade by alternating least squares. So no layer is
    worse than low rank or Monarch within the same budget. Without `data` the error is that of the matrix; with `data`
    that of the layer's outputs on them: low rank is the optimum again, the others start from what is nearest without
    data and descend, and a bias takes up the mean of what is lost. Layers that cannot be exchanged alone (see
    `replace`), recurrent ones, grouped convolutions and those that pad with other than zeros are kept.

    Args:
        model: trained.
        budget: share of a layer's weights that is kept at most, between 0 and 1; the bias is not counted.
        data: inputs of the model, as it is called: tensors, tuples of arguments or dictionaries by name. They
            must bring a layer as many rows as it has inputs, and should bring many times more.
        structures: those to choose from.
        at_least: weights of the smallest layer that is exchanged.
        tolerance: relative error above which a layer is kept dense.
        skip: names to keep, with wildcards as of a shell.
        sweeps: of the alternating least squares for Clos, with `data` as many on them, and steps of L-BFGS for Monarch.
        in_place: as for `replace`.
        generator: of random starts; one of seed 0 for every layer if None, so that equal calls give equal models.

    Returns:
        The model, and the table of `replace` with two columns more: "error", relative in the Frobenius norm, and
        "on data", relative to the layer's outputs, less their mean where it has a bias; None where nothing was done.

    Raises:
        ValueError: an argument out of its range, weights that are not finite, or a layer that shares its weight with
            another module and is not in `skip`.
    """
    instance("model", model, nn.Module)
    if data is not None and (isinstance(data, Tensor) or not isinstance(data, Iterable)):
        raise ValueError(f"data must be an iterable of inputs, such as [x], got {type(data).__name__}")
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < 1:
        raise ValueError(f"budget must be a number between 0 and 1, got {budget!r}")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance >= 0:
        raise ValueError(f"tolerance must be a number from 0, got {tolerance!r}")
    structures = [one_of("structures", name, CONVERTIBLE) for name in sequence("structures", structures, "names")]
    skip = [instance("skip", pattern, str) for pattern in sequence("skip", skip, "names of layers")]
    names = [name for name, _ in model.named_modules()]
    for pattern in skip:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"skip must hold names of layers of model, none matches {pattern!r}")
    at_least, sweeps = positive_int("at_least", at_least), positive_int("sweeps", sweeps)

    def wanted(name: str, layer: nn.Module) -> bool:
        if not isinstance(layer, nn.Linear | nn.Conv2d) or obstacle(layer):
            return False
        plain = isinstance(layer, nn.Linear) or (layer.groups == 1 and layer.padding_mode == "zeros")
        return plain and layer.weight.numel() >= at_least and not any(fnmatchcase(name, pattern) for pattern in skip)

    chosen = {name: layer for name, layer in model.named_modules() if wanted(name, layer)}
    for name, layer in chosen.items():
        if reason := shared(model, layer):
            raise ValueError(f"skip must hold {name!r}, a layer that {reason}")
    seen = moments(model, chosen, data) if data is not None else {}
    fits: dict[str, _Fit] = {}

    def choose(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in chosen or not isinstance(layer, nn.Linear | nn.Conv2d):
            return None
        best = _best(name, layer, budget, seen.get(name), structures, sweeps, generator)
        if best is None or best.loss() > tolerance:
            return None
        fits[name] = best
        return best.layer

    result = replace(model, choose, in_place=in_place)
    for row in result.table:
        fit = fits.get(str(row["layer"]))
        row["error"] = fit and fit.error
        row["on data"] = fit and fit.on_data
    return result


def _best(
    name: str,
    layer: nn.Linear | nn.Conv2d,
    budget: float,
    seen: Moments | None,
    structures: Sequence[str],
    sweeps: int,
    generator: torch.Generator | None,
) -> _Fit | None:
    """The fit of least error with the bias set, None where no structure fits the budget."""
    matrix = layer.weight.detach().flatten(1).to("cpu", torch.float64)
    if not torch.isfinite(matrix).all():
        raise ValueError(f"model must have finite weights, got some in {name} that are not")
    root = None if seen is None else seen.root(centred=layer.bias is not None)
    fits: dict[str, _Fit] = {}  # the best of each structure
    for entry in _candidates(layer, int(budget * matrix.numel()), structures):
        new = built(entry, layer).to("cpu", torch.float64)
        with torch.no_grad():
            for stage, value in zip(new.stage_weights(), project(matrix, entry, root, sweeps, generator), strict=True):
                stage.weight.copy_(value)
        fit = _measured(new, matrix, root)
        if entry.structure not in fits or fit.loss() < fits[entry.structure].loss():
            fits[entry.structure] = fit
    if root is not None and "two-level" in fits:
        refine(fits["two-level"].layer, matrix, root, sweeps)
        fits["two-level"] = _measured(fits["two-level"].layer, matrix, root)
    best = min(fits.values(), key=_Fit.loss, default=None)
    if best is not None and layer.bias is not None and best.layer.bias is not None:
        with torch.no_grad():
            best.layer.bias.copy_(layer.bias)
            if seen is not None:
                best.layer.bias.add_((matrix - best.layer.dense_weight().flatten(1)) @ seen.mean())
    return best


def _measured(layer: StructuredLinear | StructuredConv2d, matrix: Tensor, root: Tensor | None) -> _Fit:
    with torch.no_grad():
        lost = matrix - layer.dense_weight().flatten(1)
        on_data = None if root is None else _relative(lost @ root, matrix @ root)
        return _Fit(layer, _relative(lost, matrix), on_data)


def _candidates(layer: nn.Linear | nn.Conv2d, budget: int, structures: Sequence[str]) -> list[Plan]:
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


def _relative(lost: Tensor, whole: Tensor) -> float:
    return float(lost.norm() / whole.norm().clamp_min(torch.finfo(whole.dtype).tiny))

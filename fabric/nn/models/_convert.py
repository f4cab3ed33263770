"""A trained model with fewer weights: each layer as the structure that comes nearest to it within a budget."""

import math
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from fabric._checks import instance, number, one_of, positive_int, positive_number, sequence
from fabric.nn.models._cells import matrices_of
from fabric.nn.models._entries import Plan
from fabric.nn.models._fit import Fit, best_fit, candidates, recurrent_fit, timed_candidates
from fabric.nn.models._kept import TOO_FEW, why_kept
from fabric.nn.models._layers import Flat, Layer, is_conv1d, is_flat, is_layer, sizes_of
from fabric.nn.models._moments import moments
from fabric.nn.models._replace import Replaced, check_skip, replace, shared

CONVERTIBLE = ("clos", "two-level", "low rank")
SILENT = 2.0  # seconds before the progress bar appears


def convert(
    model: nn.Module,
    budget: float | None = None,
    data: Iterable[object] | None = None,
    *,
    seconds: float | None = None,
    rows: int = 256,
    structures: Sequence[str] = CONVERTIBLE,
    at_least: int = 10_000,
    tolerance: float = math.inf,
    skip: Sequence[str] = (),
    sweeps: int | None = None,
    ridge: float = 0.01,
    in_place: bool = False,
    generator: torch.Generator | None = None,
) -> Replaced:
    """Trained `torch.nn.Linear`, `Conv2d`, `GRU` and `LSTM` layers as products of factors with fewer weights.

    Every layer becomes the structure of least error within its budget: the optimum of low rank, the optimum of a
    two-level Clos (Monarch) of any routers that divide, or a Clos cascade by alternating least squares. So no layer is
    worse than low rank or Monarch within the same share of weights. Without `data` the error is that of the matrix;
    with `data` that of the layer's outputs on them: low rank is the optimum again, the others start from what is
    nearest without data and descend, and a bias takes up the mean of what is lost. Where the data do not move, a ridge
    keeps them near the matrix: without it they may grow there to any size that serves the rest, and samples that were
    not among the data come out wrong. Each matrix of a recurrent layer is chosen by itself, without the
    data; the layer's error is that of all of them together. Layers that cannot be exchanged alone (see `replace`),
    grouped convolutions, those that pad with other than zeros and recurrent layers with projections are kept. A
    progress bar appears after two seconds.

    Args:
        model: trained.
        budget: share of a layer's weights that is kept at most, between 0 and 1; the bias is not counted.
        data: inputs of the model, as it is called: tensors, tuples of arguments or dictionaries by name. They
            must bring a layer as many rows as it has inputs, and should bring many times more.
        seconds: instead of a budget, what a forward pass of all exchanged layers may take, `rows` rows each, in float32
            on this machine's CPU. Each layer has the part of it that it has of their dense weights, and is chosen by
            error among the largest plans that are measured to be fast enough; one that is so already is kept dense.
            For Linear layers only.
        rows: for `seconds`.
        structures: those to choose from.
        at_least: weights and biases of the smallest layer that is exchanged.
        tolerance: relative error above which a layer is kept dense.
        skip: names to keep, with wildcards as of a shell.
        sweeps: of the alternating least squares for Clos, with `data` as many on them, for Monarch too. If None 100,
            and for Clos fewer where these would take longer than about a minute on one core, but 10 at least.
        ridge: weight of white noise of the inputs' power beside the `data`, from 0; for Clos and Monarch. The default
            is the largest that costs next to nothing on the data themselves (`29_conversion`).
        in_place: as for `replace`.
        generator: of random starts; one of seed 0 for every layer if None, so that equal calls give equal models.

    Returns:
        The model, and the table of `replace` with two columns more: "error", relative in the Frobenius norm, and
        "on data", relative to the layer's outputs, less their mean where it has a bias; None where nothing was done.

    Raises:
        ValueError: an argument out of its range, none or both of `budget` and `seconds`, so few seconds that a layer
            cannot be fast enough, weights that are not finite, or a layer that shares its weight with another module
            and is not in `skip`.
    """
    instance("model", model, nn.Module)
    if data is not None and (isinstance(data, Tensor) or not isinstance(data, Iterable)):
        raise ValueError(f"data must be an iterable of inputs, such as [x], got {type(data).__name__}")
    if (budget is None) == (seconds is None):
        raise ValueError(f"one of budget and seconds must be given, got budget={budget!r} and seconds={seconds!r}")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < 1):
        raise ValueError(f"budget must be a number between 0 and 1, got {budget!r}")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance >= 0:
        raise ValueError(f"tolerance must be a number from 0, got {tolerance!r}")
    structures = sequence("structures", structures, "names", entry=str)
    structures = [one_of("structures", name, CONVERTIBLE) for name in structures]
    skip = [instance("skip", pattern, str) for pattern in sequence("skip", skip, "names of layers", entry=str)]
    check_skip(model, skip)
    ridge = number("ridge", ridge, least=0.0)
    at_least, rows = positive_int("at_least", at_least), positive_int("rows", rows)
    sweeps = None if sweeps is None else positive_int("sweeps", sweeps)

    chosen: dict[str, Layer] = {
        name: layer
        for name, layer in model.named_modules()
        if is_layer(layer) and not why_kept(name, layer, at_least, skip)
    }
    for name, layer in chosen.items():
        if reason := shared(model, layer):
            raise ValueError(f"skip must hold {name!r}, a layer that {reason}")
    offers = (
        {name: _by_weights(layer, budget, structures) for name, layer in chosen.items()}
        if budget is not None
        else _by_time(chosen, positive_number("seconds", seconds), rows, structures)
    )
    flat = {name: layer for name, layer in chosen.items() if is_flat(layer)}
    seen = moments(model, flat, data) if data is not None else {}
    fits: dict[str, Fit] = {}
    kept = {name: why_kept(name, layer, at_least, skip) for name, layer in model.named_modules() if name not in chosen}
    total = sum(len(each) for offer in offers.values() for each in offer)
    with tqdm(total=total, desc="convert", unit="fit", delay=SILENT) as progress:

        def choose(name: str, layer: nn.Module) -> nn.Module | None:
            if name not in chosen:
                return None
            best: Fit | None
            if isinstance(layer, nn.GRU | nn.LSTM):
                best = recurrent_fit(name, layer, offers[name], sweeps, generator, progress.update)
            else:
                (offer,), own = offers[name], seen.get(name)
                best = best_fit(name, flat[name], offer, own, ridge, sweeps, generator, progress.update)
            if best is not None and best.loss() > tolerance:
                kept[name] = f"its error would be {best.loss():.2g}"
                return None
            if best is not None:
                fits[name] = best
            return best and best.layer

        result = replace(model, choose, in_place=in_place)
    for row in result.table:
        name = str(row["layer"])
        fit = fits.get(name)
        if row["after"] == "kept":
            row["after"] = f"kept: {kept.get(name) or (TOO_FEW if seconds is None else 'it is fast enough')}"
        row["error"] = fit and fit.error
        row["on data"] = fit and fit.on_data
    return result


def _by_weights(layer: Layer, share: float, structures: Sequence[str]) -> list[list[Plan]]:
    """Candidates for each matrix of a layer that keep so large a share of its weights at most."""
    if isinstance(layer, nn.RNNBase):
        sizes = [(matrix.shape[1], matrix.shape[0], 1) for matrix in matrices_of(layer)]
    else:
        sizes = [sizes_of(layer)]
    return [candidates(*each, int(share * (each[0] * each[1])), structures) for each in sizes]


def _by_time(
    chosen: dict[str, Layer], seconds: float, rows: int, structures: Sequence[str]
) -> dict[str, list[list[Plan]]]:
    """Candidates for every layer that are fast enough; a part of the time for each, as of the dense weights."""
    linear: dict[str, tuple[int, int]] = {}
    for name, layer in chosen.items():
        if not isinstance(layer, nn.Linear) and not is_conv1d(layer):
            raise ValueError(f"skip must hold {name!r}, a {type(layer).__name__}: seconds are for Linear layers only")
        linear[name] = sizes_of(cast(Flat, layer))[:2]
    each = seconds / max(1, sum(map(math.prod, linear.values())))
    return {
        name: [timed_candidates(*sizes, each * math.prod(sizes), rows, structures)] for name, sizes in linear.items()
    }

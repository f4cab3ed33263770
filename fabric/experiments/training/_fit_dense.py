"""How near cascades come to trained dense pointwise layers: their errors, and the network's accuracy with them."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from fabric._checks import instance
from fabric.experiments.networks import Layer, MobileNet
from fabric.experiments.runs import Measured, Positive, Rule, RunConfig, one_thread
from fabric.experiments.training._images import ImageConfig, built, fit, images, path, test
from fabric.nn import ClosConv2d, ClosLinear
from fabric.nn.models._project import low_rank

_ENERGIES = 64  # points of a spectrum
_ESTIMATED = 50  # batches from which normalisations are estimated anew


@dataclass(frozen=True)
class FitConfig(RunConfig):
    """Everything that the fit of Clos cascades to a trained dense network depends on.

    Attributes:
        dense: how the dense network is trained first.
        pointwise: the Clos cascade of each block.
        sweeps: of alternating least squares for each layer.
        further: how the network of the fitted cascades is trained after that; its network and seed are not used.
    """

    recipe: ClassVar[int] = 1

    dense: ImageConfig
    pointwise: Annotated[tuple[Layer, ...], Rule("a tuple of at least one Layer", bool)]
    sweeps: Positive
    further: ImageConfig


def fit_dense(config: FitConfig) -> Measured:
    """Train the dense network, fit each pointwise layer, put the cascades in their places, train on.

    Returns:
        "dense_accuracy", "fitted_accuracy" (normalisations estimated anew), "further_accuracy" after further training,
        fractions of the tested part; "layers", for each block "inputs", "outputs", "weights" of the cascade, the
        relative errors (Frobenius) "clos" of the fit, "low_rank" of the nearest matrix of the largest rank within as
        many weights and "random", of the same fit to a random matrix of the layer's size; "energy", the shares of the
        matrix's squares in its leading singular values at 64 equal steps of their number, and "random_energy"; and
        "path", what computed the cascades.

    Raises:
        ValueError: a network that is no dense MobileNet, or cascades that do not fit it.
        DataError: data files are missing or damaged.
    """
    instance("config", config, FitConfig)
    network = config.dense.network
    if not isinstance(network, MobileNet) or network.pointwise:
        raise ValueError(f"dense must be the training of a dense MobileNet, got {network}")
    cascades = MobileNet(network.width, config.pointwise, image=network.image, classes=network.classes)
    data = images(config.dense)
    model = built(config.dense)
    with one_thread(kernel=True):
        fit(model, data, config.dense)
        dense_accuracy = test(model, data)
        fitted = cascades.build(config.dense.seed)
        layers = _replaced(model, fitted, config)
        _estimate_norms(fitted, data.train_x.unflatten(1, data.image or ()), config.dense.batch_size)
        fitted_accuracy = test(fitted, data)
        fit(fitted, data, config.further)
        further_accuracy = test(fitted, data)
    return {
        "dense_accuracy": dense_accuracy,
        "fitted_accuracy": fitted_accuracy,
        "further_accuracy": further_accuracy,
        "layers": layers,
        "path": path(fitted),
    }


def _replaced(model: nn.Sequential, fitted: nn.Sequential, config: FitConfig) -> list[dict[str, Any]]:
    """Copy everything from the dense model, each pointwise kernel as the cascade that is nearest; what it cost."""
    generator = torch.Generator().manual_seed(config.dense.seed)
    rows = []
    for (name, target), (_, source) in zip(fitted.named_children(), model.named_children(), strict=True):
        if not isinstance(target, ClosConv2d):
            target.load_state_dict(source.state_dict())
            continue
        assert isinstance(source, nn.Conv2d), name
        matrix = source.weight.detach().flatten(1).to("cpu", torch.float64)
        drawn = torch.randn(matrix.shape, dtype=torch.float64, generator=generator)
        routers = target.cascade.routers[2:]
        near, of_random = (_nearest(values, routers, config.sweeps) for values in (matrix, drawn))
        with torch.no_grad():
            for stage, value in zip(target.cascade.stage_weights(), near.stage_weights(), strict=True):
                stage.weight.copy_(value.weight)
        rank = max(1, target.connections // sum(matrix.shape))
        first, last = low_rank(matrix, rank)
        rows.append(
            {
                "inputs": matrix.shape[1],
                "outputs": matrix.shape[0],
                "weights": target.connections,
                "clos": _error(near.dense_weight().detach(), matrix),
                "low_rank": _error(last[0] @ first[0], matrix),
                "random": _error(of_random.dense_weight().detach(), drawn),
                "energy": _energies(matrix),
                "random_energy": _energies(drawn),
            }
        )
    return rows


def _nearest(matrix: Tensor, routers: tuple[int, ...], sweeps: int) -> ClosLinear:
    linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(matrix)
    first, middle, last = routers
    return ClosLinear.from_dense(linear, first, middle, last, sweeps=sweeps, starts=1)


def _error(near: Tensor, matrix: Tensor) -> float:
    return float((near - matrix).norm() / matrix.norm())


def _energies(matrix: Tensor) -> list[float]:
    """Shares of the squares in the first 1/64, 2/64, ... of the singular values."""
    squares = torch.linalg.svdvals(matrix).square()
    shares = torch.cat((torch.zeros(1, dtype=squares.dtype), squares.cumsum(0) / squares.sum()))
    at = torch.linspace(0, len(squares), _ENERGIES + 1)[1:]
    return [float(shares[round(float(position))]) for position in at]


@torch.no_grad()
def _estimate_norms(network: nn.Module, x: Tensor, batch_size: int) -> None:
    """Set the running statistics of all normalisations to their means over some batches."""
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    network.train()
    for batch in x.split(batch_size)[:_ESTIMATED]:
        network(batch.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum

"""Which weights are frozen: drawn uniformly, or those of a trained cascade's first stage."""

import numpy as np

from fabric.experiments.training import TrainConfig, trained_network
from fabric.nn import ClosLinear


def largest(bits: int) -> int:
    """The largest size of a signed weight."""
    return 2 ** (bits - 1) - 1


def trained_weights(network: TrainConfig, bits: int, fewest: int) -> np.ndarray:
    """The first stage of a trained cascade, the weight of largest size at the end of the range.

    Args:
        network: a training whose first layer is a Clos cascade.
        bits: of a signed weight.
        fewest: middle routers that it must have.

    Returns:
        int64 (input routers, middle routers, inputs of a router).

    Raises:
        ValueError: another first layer, or fewer middle routers.
    """
    layer = trained_network(network)[0]
    if not isinstance(layer, ClosLinear) or layer.middle_routers < fewest:
        raise ValueError(f"network must begin with a Clos cascade of at least {fewest} middle routers, got {layer}")
    weights = layer.input_weight.detach().double().numpy()
    return np.round(weights / np.abs(weights).max() * largest(bits)).astype(np.int64)


def constants(network: TrainConfig | None, bits: int, shared: int, weights: int, seed: int) -> list[list[int]]:
    """Sizes of weights without their signs, `shared` for each input, `weights` in all.

    Args:
        network: as for `trained_weights`; inputs and some of their weights are drawn. None: all weights are.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, shared])
    inputs = weights // shared
    if network is None:
        return rng.integers(0, largest(bits), (inputs, shared), endpoint=True).tolist()
    of_inputs = np.abs(trained_weights(network, bits, shared)).transpose(0, 2, 1)
    of_inputs = of_inputs.reshape(-1, of_inputs.shape[2])
    chosen = rng.choice(len(of_inputs), inputs, replace=inputs > len(of_inputs))
    return [rng.permutation(of_inputs[at])[:shared].tolist() for at in chosen]

"""What becomes of the constant one on its way through the layers: the biases that the weights of a torus amount to."""

from collections.abc import Sequence

import numpy as np

from fabric.hardware.deployment._places import Place
from fabric.hardware.fixed_point import FixedPoint


def begin(places: Sequence[Place], fixed: FixedPoint) -> list[np.ndarray]:
    """Weights of all phases in turn, as the layers have them, floats (rings, neurons, values)."""
    arrays, constant = [], np.ones(())
    for place in places:
        arrays += place.weights(float(constant))
        constant = _activate(fixed, constant, place.layer.activation)
    return arrays


def biases(places: Sequence[Place], arrays: Sequence[np.ndarray], fixed: FixedPoint) -> list[np.ndarray | None]:
    """What the constant adds to each output of each layer, (outputs,); None where the layer has no bias."""
    weights, found = iter(arrays), []
    x = np.zeros(places[0].before.shape)
    x[places[0].before.ones] = 1
    for place in places:
        # Rings come first: rows and columns change places from phase to phase.
        sums = np.einsum("rnv,rv->rn", next(weights), x)
        for _ in place.routers[1:]:
            sums = np.einsum("rnv,rv->rn", next(weights), _activate(fixed, sums, "identity").T)
        grid = sums if len(place.routers) % 2 else sums.T
        found.append(None if place.layer.bias is None else place.after.take(grid[None])[0])
        x = np.zeros(place.after.shape)
        if place.after.carries:
            x[-1] = _activate(fixed, grid[-1], place.layer.activation)
    return found


def _activate(fixed: FixedPoint, sums: np.ndarray, kind: str) -> np.ndarray:
    """What a PE makes of sums, as floats: rounded to activation words before and after."""
    step = 2.0**-fixed.activation_fraction
    z = fixed.activations(sums) * step
    if kind == "sigmoid":
        return fixed.activations(1 / (1 + np.exp(-z))) * step
    return np.maximum(z, 0) if kind == "relu" else z

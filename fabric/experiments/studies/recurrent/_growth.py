"""How the weights of a GRU grow with its memory and with its input window, counted."""

import math
from collections.abc import Sequence

import pandas as pd

from fabric.experiments.studies.recurrent._network import DENSE, GATES, Gru, Matrix


def square_clos(inputs: int) -> Matrix:
    """As many routers a level, and so as many paths, as the square root of the inputs, which must be a square number.

    Raises:
        ValueError: it is none.
    """
    routers = math.isqrt(inputs)
    if routers**2 != inputs:
        raise ValueError(f"inputs must be a square number, got {inputs}")
    return Matrix("clos", (routers,) * 3)


def grown(structure: str, inputs: int, hidden: int) -> Gru:
    """A dense GRU, or one of Clos cascades as `square_clos` makes them; its readout has one output."""
    if structure == "dense":
        return Gru(inputs, hidden, 1)
    return Gru(inputs, hidden, 1, square_clos(inputs), square_clos(hidden), DENSE)


def closed_form(structure: str, inputs: int, hidden: int) -> tuple[int, int]:
    """Weights of the input matrix and of the recurrent matrix by formula: n · 3H, or √n (n + 3H + n)."""

    def weights(neurons: int) -> int:
        if structure == "dense":
            return GATES * hidden * neurons
        return math.isqrt(neurons) * (2 * neurons + GATES * hidden)

    return weights(inputs), weights(hidden)


def growth(inputs: Sequence[int], hidden: Sequence[int]) -> pd.DataFrame:
    """Weights of the layer for every pair of an input window and a memory, square numbers.

    Returns:
        "structure", "inputs", "hidden", "input_weights", "recurrent_weights", and "weights", their sum: as many
        multiply-accumulates as a step takes for each sequence.
    """
    rows = []
    for structure in ("dense", "clos"):
        for window in inputs:
            for memory in hidden:
                from_input, from_hidden, _ = grown(structure, window, memory).topologies()
                rows.append((structure, window, memory, from_input.parameters, from_hidden.parameters))
    columns = ["structure", "inputs", "hidden", "input_weights", "recurrent_weights"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(weights=table["input_weights"] + table["recurrent_weights"])

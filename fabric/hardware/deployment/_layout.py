"""Which layer goes where: a place for each layer of a model, on as few PEs as can be."""

from collections.abc import Sequence

import numpy as np

from fabric.hardware.deployment._layers import Layer
from fabric.hardware.deployment._places import Grid, Place, dealt
from fabric.hardware.torus._phases import extent


def lay_out(layers: Sequence[Layer]) -> list[Place]:
    """A place for each layer, on as few PEs as can be.

    Raises:
        ValueError: layers of which one does not find its inputs where it needs them; the message says which and what
            would be right.
    """
    first = layers[0]
    if first.routers:
        return _laid_out(layers, first.routers[0])
    if len(layers) > 1 and layers[1].routers:
        return _laid_out(layers, layers[1].routers[0])
    fitting = [rows for rows in range(1, min(first.outputs, _MOST_ROWS) + 1)
               if first.activation != "sigmoid" or first.outputs % rows == 0]  # fmt: skip
    return min((_laid_out(layers, rows) for rows in fitting), key=_elements)


_MOST_ROWS = 64  # into which the outputs of a first dense layer are tried to be dealt


def _laid_out(layers: Sequence[Layer], rows: int) -> list[Place]:
    biased = [any(later.bias is not None for later in layers[at:]) for at in range(len(layers) + 1)]
    grid = _inputs(layers[0], rows, biased[1])
    places: list[Place] = []
    for number, layer in enumerate(layers):
        places.append(_placed(layer, grid, rows if number == 0 else None, biased[number + 1]))
        grid = places[-1].after
        is_hidden, is_full = number < len(layers) - 1, grid.data_rows * grid.shape[1] == layer.outputs
        if is_hidden and layer.activation == "sigmoid" and not is_full:
            raise ValueError(
                f"model must fill the rows of the torus where a sigmoid is hidden, whose padding would not stay "
                f"without effect: got {layer.outputs} outputs on {grid.data_rows} × {grid.shape[1]} places in "
                f"{layer.name}; choose sizes that divide, or, in a dense layer, no biases after it"
            )
    return places


def _inputs(layer: Layer, rows: int, carries: bool) -> Grid:
    """Inputs as the host sends them."""
    if layer.routers:
        carries = carries or layer.bias is not None
        return _grid(*dealt(layer.inputs, rows), -(-layer.inputs // rows), rows, 0 if carries else None)
    ones = [(row, layer.inputs) for row in range(rows) if layer.bias is not None] + [(rows, 0)] * carries
    neurons, copies = np.arange(layer.inputs), np.arange(rows)[:, None]
    return Grid(
        copies + 0 * neurons,
        neurons + 0 * copies,
        (rows + carries, layer.inputs + (layer.bias is not None)),
        (np.array([row for row, _ in ones], dtype=int), np.array([place for _, place in ones], dtype=int)),
        carries,
    )


def _placed(layer: Layer, before: Grid, copies: int | None, carries: bool) -> Place:
    if layer.routers:
        rows, places = dealt(layer.inputs, layer.routers[0])
        if not (np.array_equal(before.rows, rows) and np.array_equal(before.places, places)):
            raise ValueError(
                f"model must hand its values on in as many rows as it takes them: {layer.name} takes {layer.inputs} "
                f"values in {layer.routers[0]} rows, got them in {before.data_rows} rows of {before.shape[1]} places; "
                f"give it {before.data_rows} input routers"
            )
        routers = layer.routers
    elif copies is not None:
        routers = (copies,)
    elif before.shape[0] == 1:
        routers = (1,)
    else:
        routers = (before.data_rows, layer.outputs)
    rings, numbers = dealt(layer.outputs, routers[-1])
    most = -(-layer.outputs // routers[-1])
    if len(routers) % 2:
        after = _grid(rings, numbers, most, routers[-1], 0 if carries else None)
    else:
        after = _grid(numbers, rings, routers[-1] + carries, most, routers[-1] if carries else None)
    return Place(layer, before, after, routers)


def _grid(rows: np.ndarray, places: np.ndarray, width: int, height: int, carrier: int | None) -> Grid:
    carries = carrier is not None
    ones = np.full(int(carries), height), np.full(int(carries), carrier or 0)
    return Grid(rows, places, (height + carries, width), ones, carries)


def _elements(places: Sequence[Place]) -> int:
    """PEs of the smallest torus."""
    extents = [extent(place.cascade) for place in places]
    return max(rows for rows, _ in extents) * max(columns for _, columns in extents)

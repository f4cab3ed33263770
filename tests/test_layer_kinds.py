"""Costs by kind of layer against hand counts, hit rates against a cache that is simulated line by line."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.counting import weight_hit_rate
from fabric.experiments.studies import density_tables, layer_kinds

COSTS = {"dram_access": 640, "sram_access": 5, "float_multiply": 3.7, "float_add": 0.9}


def simulated(layers: list[int], room: int, steps: int = 4) -> float:
    """Hits of the last step in a cache of `room` lines."""
    held: OrderedDict[tuple[int, int], None] = OrderedDict()
    forward = [(layer, line) for layer, lines in enumerate(layers) for line in range(lines)]
    backward = sorted(forward, key=lambda at: (-at[0], at[1]))
    hits = 0
    for _ in range(steps):
        hits = 0
        for line in forward + backward:
            hits += line in held
            held[line] = None
            held.move_to_end(line)
            if len(held) > room:
                held.popitem(last=False)
    return hits / (2 * sum(layers))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(1, 40))
def test_hit_rates_are_those_of_a_simulated_cache(layers, room):
    assert weight_hit_rate([8 * lines for lines in layers], 8 * room, line=8) == pytest.approx(simulated(layers, room))


def test_a_cache_that_holds_all_hits_always_and_one_that_holds_no_layer_never():
    assert weight_hit_rate([100, 30], 192) == 1
    assert weight_hit_rate([1000, 1000], 900) == 0
    with pytest.raises(ValueError, match="layers must hold at least one layer, got none"):
        weight_hit_rate([], 1024)


def test_alexnet_is_counted_as_in_the_density_tables():
    counted = layer_kinds.count(*layer_kinds.networks()["AlexNet"])
    known = density_tables.alexnet_weights()
    assert counted[layer_kinds.CONNECTED].weights == known["fully connected"]
    assert counted[layer_kinds.CONVOLUTIONAL].weights == known["convolutional"]
    sides = {34848: 55, 307200: 27, 884736: 13, 663552: 13, 442368: 13}
    assert counted[layer_kinds.CONVOLUTIONAL].products == sum(w * side**2 for w, side in sides.items())
    assert counted[layer_kinds.CONNECTED].products == counted[layer_kinds.CONNECTED].weights


def test_shares_add_up_and_larger_batches_favour_fully_connected_layers():
    table = layer_kinds.by_kind(COSTS, (1, 32))
    assert table.groupby(["network", "batch_size"])["share"].sum().to_numpy() == pytest.approx(1)
    shares = layer_kinds.bottlenecks(table)
    assert (shares[32] < shares[1]).all()
    vgg = table.query("network == 'VGG-16' and batch_size == 1").set_index("kind")
    assert vgg.loc[layer_kinds.CONNECTED, "weights"] == 25088 * 4096 + 4096 * 4096 + 4096 * 1000
    connected = vgg.loc[layer_kinds.CONNECTED]
    picojoules = 4 * connected["weights"] * 640 + 5 * connected["outputs"] * 5 + 3 * connected["products"] * 4.6
    assert connected["millijoules"] == pytest.approx(1e-9 * picojoules)

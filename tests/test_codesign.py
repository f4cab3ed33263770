"""Networks and machines chosen together: each model against the real thing, the frontier against its definition."""

import csv
import re
import tomllib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from places import ROOT

from fabric.codesign import (
    DEVICES,
    FAMILIES,
    METHODS,
    MODES,
    Activity,
    Budget,
    Costs,
    Design,
    FixedNetwork,
    Lesson,
    Network,
    Point,
    Surrogate,
    Task,
    Trained,
    all_designs,
    candidates,
    explore,
    fits,
    judge,
    learn_from,
    logic_model,
    number_format,
    search,
    spread,
    train,
    undominated,
)
from fabric.codesign._butterfly import Rounds
from fabric.codesign._design import clock
from fabric.codesign._resources import memories, synthesised
from fabric.experiments.statements import devices
from fabric.hardware import GoldenMachine, cycles, program
from fabric.hardware.torus._encoding import encode
from fabric.hardware.torus.rings import butterfly_rings

RNG = np.random.default_rng(0)
X = RNG.random((600, 16))
Y = (X[:, :8].sum(axis=1) > X[:, 8:].sum(axis=1)).astype(int)
NETWORKS = [
    Network("clos", 16, 16, 3, (4, 2, 4)),
    Network("two-level", 16, 8, 3, (4, 4)),
    Network("clos", 32, 16, 2, (8, 4, 4)),
]


def committed(name: str, room: str = "35_codesign") -> list[dict[str, str]]:
    with (ROOT / "paper" / room / "tables" / f"{name}.csv").open() as table:
        return list(csv.DictReader(table))


def by_phase(network: Network, model: FixedNetwork) -> list[np.ndarray]:
    """Stored weights as the golden model takes them, from edges: rings, neurons and values told apart by arithmetic."""
    found, at = [], 0
    last = len(model.edges) - 1
    for number, (phase, (targets, sources)) in enumerate(zip(network.mapping.phases, model.edges, strict=True)):
        held = np.zeros((phase.rings, phase.neurons, phase.values), int)
        own, at = model.weights[at : at + len(targets)], at + len(targets)
        if number == last:
            held[targets, 0, sources // network.outputs] = own
        elif number == last - 1:
            rows = network.rows_of_hidden
            place = sources // rows if network.family == "two-level" else sources % (network.hidden // rows)
            held[targets // network.outputs, targets % network.outputs, place] = own
        else:
            value = sources % phase.values if number == 0 else sources // network.mapping.phases[number - 1].neurons
            held[targets // phase.neurons, targets % phase.neurons, value] = own
        found.append(held)
    return found


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.label)
@pytest.mark.parametrize("word", [6, 9, 12])
def test_a_network_learns_bit_for_bit_as_the_golden_model(network, word):
    fixed = number_format(word)
    model, golden = FixedNetwork(network, fixed, seed=1), GoldenMachine(network.mapping, fixed)
    golden.load(by_phase(network, model))
    limit = 1 << (word - 1)
    x, y = RNG.integers(-limit, limit, (40, network.inputs)), RNG.integers(0, limit // 4, (40, network.outputs))
    ours = model.run(x, y, 4, stochastic=False)
    assert np.array_equal(ours, golden.run(program(network.mapping, "sequential"), x, y, 4, stochastic=False))
    assert all(map(np.array_equal, by_phase(network, model), golden.weights()))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_learns(family):
    network = spread(candidates(16, 2, [family]), 3)[-1]
    found = train(network, 9, (X[:480], Y[:480]), (X[480:], Y[480:]), (4, 4, 4, 5, 5), 0)
    assert found.accuracy > 0.8
    assert 0 < found.update < min(found.forward, found.backward) < 1


@pytest.mark.parametrize("network", candidates(16, 3), ids=lambda network: network.label)
def test_weights_counted_are_weights_built(network):
    topology = network.topology
    assert network.cascade_weights == topology.parameters < topology.inputs * topology.outputs
    assert topology.is_fully_connected
    assert network.weights == len(FixedNetwork(network, number_format(9)).weights)


@given(st.lists(st.sampled_from([2, 4, 8]), min_size=2, max_size=4), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_butterflies_take_the_rounds_of_their_rings(radices, count):
    rounds = Rounds(radices, count, 2)
    assert sum(phase.length for phase in rounds.phases[:-2]) >= butterfly_rings(radices, count).cycles
    assert rounds.rows * rounds.columns >= np.prod(radices)
    assert len(rounds.phases) == count * len(radices) + 2
    assert rounds.words == (*radices * count, rounds.columns, rounds.rows)


@pytest.mark.parametrize("mode", MODES)
def test_cycles_of_butterflies_are_those_of_cascades_with_the_same_phases(mode):
    """A two-level cascade of square routers goes round the same rings as a butterfly of two radices."""
    butterfly, cascade = (
        Design(Network("butterfly", 16, 16, 4, (4, 4)), 9, mode),
        Design(Network("two-level", 16, 16, 4, (4, 4)), 9, mode),
    )
    lengths = [[phase.length for phase in design.mapping.phases] for design in (butterfly, cascade)]
    assert lengths[0] == lengths[1]
    assert (butterfly.interval, butterfly.latency) == (cascade.interval, cascade.latency)
    assert butterfly.torus.parameters == cascade.torus.parameters


@pytest.mark.parametrize("mode", MODES)
def test_an_instruction_is_as_long_as_the_encoded_one(mode):
    """The last one of a program has its uppermost bit set."""
    design = Design(Network("two-level", 16, 8, 3, (4, 4)), 9, mode)
    words = [encode(slot, design.torus.address_bits, design.torus.length_bits) for slot in design.programs[0].slots]
    assert memories(design.torus)[1].bits == max(words).bit_length()


def test_memory_and_multipliers_are_those_of_synthesis_and_logic_is_near():
    for row in committed("area"):
        assert row["multipliers"] == row["model_multipliers"]
        assert row["memory_bits"] == row["model_memory_bits"] and row["memory_blocks"] == row["model_memory_blocks"]
        assert float(row["model_logic_elements"]) == pytest.approx(
            float(row["logic_elements"]), rel=logic_model().error
        )


def test_the_fit_of_logic_elements_says_its_error():
    tori, element, around = synthesised()
    assert len(tori) == len(element) == len(around) > 10
    assert 0 < logic_model().error < 0.1
    off = [
        logic_model().logic_elements(t) / (t.rows * t.columns * e + a) - 1
        for t, e, a in zip(tori, element, around, strict=True)
    ]
    assert np.abs(off).max() <= logic_model().error


def test_the_synthesised_tori_are_the_committed_ones():
    with (ROOT / "fabric" / "codesign" / "synthesised.csv").open() as table:
        held = list(csv.DictReader(table))
    found = [tuple(row[name] for name in held[0]) for row in committed("area")]
    assert sorted(found) == sorted(tuple(row.values()) for row in held)


def test_the_clock_goes_through_what_was_placed():
    rows = committed("placed", "15_fpga_synthesis")
    placed = {(row["variant"], row["size"]): float(row["megahertz"]) for row in rows}
    for pipeline, variant in ((0, "table II"), (2, "interleaved training")):
        for size in (2, 4):
            assert clock(size * size, pipeline) == pytest.approx(placed[variant, str(size)])
        assert clock(64, pipeline) / clock(16, pipeline) == pytest.approx(clock(16, pipeline) / clock(4, pipeline))
    larger = Design(Network("two-level", 16, 16, 4, (4, 4)), 9)
    assert larger.places == 16 and not larger.clock_is_extrapolated
    interleaved = replace(larger, mode="interleaved")
    assert interleaved.megahertz == clock(16, 2) > larger.megahertz == clock(16, 0)
    low, high = interleaved.megahertz_interval
    assert low < interleaved.megahertz < high == pytest.approx(placed["interleaved training", "2"])


def test_costs_are_those_of_the_project_and_energy_is_counted():
    cited = devices()["energy"]
    costs = Costs()
    assert (costs.multiply, costs.add, costs.access) == (
        cited["float_multiply"],
        cited["float_add"],
        cited["sram_access"],
    )
    design = Design(NETWORKS[0], 9)
    idle, busy = design.picojoules(Activity(0, 0, 0)), design.picojoules(Activity())
    assert idle == pytest.approx(3 * design.network.weights * 5.0 * 12 / 32)
    assert busy - idle == pytest.approx(3 * design.network.weights * (3.7 * (9 / 32) ** 2 + 0.9 * 18 / 32))
    assert design.picojoules(Activity(), costs.scaled("add", 2)) > busy


@given(arrays.arrays(np.int8, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=st.integers(0, 3)))
def test_undominated_is_what_nothing_beats(points):
    def beats(a, b):
        return (a <= b).all() and (a < b).any()

    kept = [at for at, point in enumerate(points) if not any(beats(other, point) for other in points)]
    assert undominated(points).tolist() == kept


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    task = Task(X, Y)
    return learn_from(task, [design.network for design in all_designs(16, 2, words=(9,))], words=(6, 9), each=2)


def test_samples_in_the_order_of_their_classes_are_refused():
    order = np.argsort(Y, kind="stable")
    with pytest.raises(ValueError, match="samples must be in random order: the last fifth"):
        Task(X[order], Y[order])
    with pytest.raises(ValueError, match=r"labels must be classes counted from 0, each with samples, got \[1, 2\]"):
        Task(X, Y + 1)


def test_a_surrogate_finds_what_is_linear_in_log_odds():
    networks = candidates(64, 10)[::5]
    odds = [4 - 0.7 * np.log2(network.cascade_weights) for network in networks]
    lessons = [
        Lesson(n, 9, Trained(float(1 / (1 + np.exp(z))), 0.5, 0.4, 0.3)) for n, z in zip(networks, odds, strict=True)
    ]
    fitted = Surrogate(lessons)
    value, low, high = fitted.accuracy(networks[3], 9)
    assert value == pytest.approx(lessons[3].trained.accuracy, abs=0.02) and low <= value <= high
    busy = fitted.activity(networks[3], 12)
    assert (busy.forward, busy.backward, busy.update) == pytest.approx((0.5, 0.4, 0.3))


def test_evolution_repeats_by_its_seed(surrogate):
    """Few designs are allowed, so that most tournaments are drawn."""
    designs, evaluate = all_designs(16, 2, words=(6, 9)), judge(DEVICES["EP4CE22"], Budget(weights=100), surrogate)
    for seed in range(4):
        one, other = ([], [])
        for looked_at in (one, other):
            search(designs, lambda design, to=looked_at: to.append(design) or evaluate(design), "evolve", 60, seed)
        assert one == other


def test_leaving_out_a_network_leaves_out_all_its_lessons(surrogate):
    network = surrogate.lessons[0].network
    others = [lesson for lesson in surrogate.lessons if lesson.network != network]
    for lesson, found in zip(surrogate.lessons, surrogate.left_out, strict=True):
        if lesson.network == network:
            assert found == pytest.approx(Surrogate(others).accuracy(network, lesson.word)[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_search_looks_at_each_design_once_and_keeps_the_limits(method, surrogate):
    device, budget = DEVICES["EP4CE22"], Budget(weights=300, latency=3.0)
    designs = all_designs(16, 2, words=(6, 9))
    looked_at = []
    evaluate = judge(device, budget, surrogate)

    def counted(design):
        looked_at.append(design)
        return evaluate(design)

    found = search(designs, counted, method, 60, seed=1)
    assert len(found) == len(looked_at) == len(set(looked_at)) == 60
    assert set(looked_at) <= set(designs)
    for point in filter(None, found):
        assert fits(point.design, device) and point.design.network.weights <= 300 and point.latency <= 3.0


def test_a_frontier_is_sorted_bounded_and_a_table(surrogate, tmp_path):
    frontier = explore(Task(X, Y), DEVICES["EP4CE55"], surrogate=surrogate, words=(6, 9))
    assert 0 < len(frontier) <= len(frontier.evaluated) and frontier.refused >= 0
    assert all(b.accuracy <= a.accuracy for a, b in pairwise(frontier))
    frontier.to_csv(tmp_path / "frontier.csv")
    with (tmp_path / "frontier.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == len(frontier) == len(frontier.rows())
    for row in frontier.rows():
        for name in ("accuracy", "megahertz", "microseconds", "latency", "logic_elements"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


@pytest.mark.parametrize("family", ["clos", "two-level"])
@pytest.mark.parametrize("mode", MODES)
def test_a_point_is_deployed_on_its_torus_and_learns(family, mode, surrogate):
    frontier = explore(
        Task(X, Y), DEVICES["EP4CE55"], surrogate=surrogate, families=[family], words=(9,), modes=[mode], seed=0
    )
    for point in reversed(frontier[:3]):
        machine = point.deploy(X)
        own = machine.torus.fixed_point
        assert replace(point.design.torus, fixed_point=own) == machine.torus
        assert (own.word, own.weight) == (point.design.word, point.design.fixed_point.weight)
        assert cycles(machine.training).interval == point.design.interval
        assert cycles(machine.inference).lone == point.design.latency
    targets = np.eye(2)[Y]
    for _ in range(5):
        machine.train(point.design.network.padded(X), targets, rate=2**-4)
    assert (machine(point.design.network.padded(X)).argmax(axis=1) == Y).mean() > 0.8


def test_a_point_is_exported_with_what_a_simulator_needs(surrogate, tmp_path):
    design = min(all_designs(16, 2, ["two-level"], (6,), ["sequential"]), key=lambda own: own.places * own.interval)
    folder = Point(design, 0.9, 0.8, 0.95, 1.0).export(tmp_path / "machine", X, report=False)
    assert folder == tmp_path / "machine" and {"Makefile", "vectors"} <= {file.name for file in folder.iterdir()}


def test_what_no_machine_runs_is_refused(surrogate):
    frontier = explore(Task(X, Y), DEVICES["EP4CE55"], surrogate=surrogate, families=["butterfly"], words=(9,))
    with pytest.raises(ValueError, match=r"design must be of a Clos cascade to be built, .*, got butterfly"):
        frontier[0].deploy(X)
    with pytest.raises(ValueError, match=r"device and budget must allow some design, .* allows none of") as refused:
        explore(Task(X, Y), DEVICES["EP4CE55"], Budget(weights=10), surrogate)
    held, whole, outside = map(
        int,
        re.search(
            r"the device holds (\d+) of all (\d+), weights passes its limit in (\d+) of these$", str(refused.value)
        ).groups(),
    )
    assert 0 < held == outside <= whole


def test_the_published_scale_trains_sixty_networks():
    profile = tomllib.loads((ROOT / "paper" / "35_codesign" / "profile.toml").read_text())["paper"]
    allowed = [n for n in candidates(profile["features"], 10) if n.weights <= profile["most_weights"]]
    assert 3 * len(spread(allowed, profile["networks_each"])) == 60

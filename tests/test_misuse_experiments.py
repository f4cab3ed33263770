"""Wrong types, sizes, NaN, huge numbers and foreign objects for the public functions of experiments and plots."""

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from misuse import LONGEST, WRONG, Fresh, call, faults
from torch import nn

from fabric import codesign, topology
from fabric.experiments import (
    batchless,
    counting,
    data,
    growing,
    networks,
    runs,
    searching,
    statements,
    timing,
    training,
)
from fabric.experiments.data import morse
from fabric.experiments.machines import freezing, junctions, on_chip, synthesis, torus
from fabric.experiments.networks import Layer
from fabric.experiments.studies import (
    accuracy_vs_density,
    conversion,
    federated,
    inverse_plasticity,
    perceptrons,
    rates,
    speed,
    transformer,
)
from fabric.plots.explorer import KNOBS
from fabric.plots.looks import LOOKS, in_order

CONFIG = training.TrainConfig("digits", (Layer("dense", (784, 10)),), 1, 64, 0.01, 0)
RECORD = {"key": runs.run_key(CONFIG), "value": 1}
CLOS = Layer("clos", (8, 8, 4, 2, 4))
SKIPPING = networks.LayerWithSkips(CLOS, "identity")
NETWORK = (CLOS, Layer("dense", (8, 3)))
DATA = data.Dataset(torch.ones(6, 4), torch.arange(6), torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64), (1, 2, 2))
HELD = counting.Footprint(8, 8, 0, 16, 0)
COSTS = {"dram_access": 640.0, "sram_access": 5.0, "float_multiply": 3.7, "float_add": 0.9}
NET = nn.Sequential(nn.Linear(4, 3))
TRUNK = networks.Trunk((28, 1), (networks.Convolution(5, 2), networks.Pool(2)))
WIDE = networks.Trunk((28, 1), (networks.Convolution(3, 1 << 26),))
RECIPE = morse.MorseRecipe(samples=(2, 1, 1))
FRAME = pd.DataFrame({"layer": ["a", "b"], "accuracy": [0.5, 0.6]})
RNG = Fresh(lambda: np.random.default_rng(0))
TORCH = Fresh(lambda: torch.Generator().manual_seed(0))


def measure_nothing(config: training.TrainConfig) -> dict[str, object]:
    return {"value": 1}


def filled_store() -> runs.RunStore:
    store = runs.RunStore(Path("runs"))
    store.put(RECORD)
    return store


def results() -> runs.Results:
    return runs.Results("01_notebook", "build")


def nothing() -> None:
    """What a figure is not."""


# One call that is right for every public function; what is called twice has a name of its own.
RIGHT: dict[Callable, dict[str, object]] = {
    runs.close: {"rtol": 1e-9},
    runs.mean_over_seeds: {"atol": 0.01},
    runs.run_key: {"config": CONFIG},
    runs.record_of: {"run": measure_nothing, "config": CONFIG},
    runs.sweep: {"run": measure_nothing, "configs": [CONFIG], "store": Fresh(filled_store), "title": "runs"},
    runs.RunStore: {"folder": Path("runs"), "committed": ()},
    runs.RunStore.get: {"self": Fresh(filled_store), "key": RECORD["key"]},
    runs.RunStore.put: {"self": Fresh(filled_store), "record": RECORD},
    runs.write_atomically: {"path": Path("file"), "text": "text"},
    runs.write_lines: {"path": Path("file"), "records": [RECORD]},
    runs.Results: {"notebook": "01_notebook", "out_dir": "build"},
    runs.Results.table: {
        "self": Fresh(results), "name": "table", "frame": FRAME, "keys": ["layer"], "tolerances": {},
    },
    runs.Results.figure: {"self": Fresh(results), "name": "figure", "figure": Figure()},
    runs.Results.verdicts: {"self": Fresh(results), "verdicts": [], "tolerances": None, "near_threshold": ()},
    statements.published: {"claim": next(iter(statements.all_published()))},
    statements.agrees: {"printed": "0.5", "computed": 0.52},
    data.load: {"name": "digits"},
    data.load_sequences: {"name": "part_songs"},
    data.load_text: {"name": "sums"},
    data.Text.hold_out: {"self": data.load_text("sums"), "count": 2},
    data.Dataset: {field.name: getattr(DATA, field.name) for field in dataclasses.fields(DATA)},
    data.Dataset.hold_out: {"self": DATA, "samples": 2},
    data.Dataset.first: {"self": DATA, "samples": 2},
    data.Dataset.padded: {"self": DATA, "inputs": 9},
    data.Dataset.check_outputs: {"self": DATA, "outputs": 6},
    data.accuracy: {"outputs": torch.eye(2), "labels": torch.arange(2)},
    data.agreement: {"named": np.arange(2), "labels": np.arange(2)},
    morse.MorseRecipe: {field.name: getattr(RECIPE, field.name) for field in dataclasses.fields(RECIPE)},
    morse.recipe: {"name": "morse-2+leading"},
    morse.generate: {"recipe": RECIPE},
    Layer: {"topology": "clos", "arguments": (8, 8, 4, 2, 4)},
    Layer.build: {"self": CLOS, "rng": RNG},
    Layer.wired: {"self": CLOS, "rng": RNG},
    Layer.module: {"self": CLOS, "rng": RNG},
    networks.LayerWithSkips: {"layer": CLOS, "skips": "identity"},
    networks.LayerWithSkips.build: {"self": SKIPPING, "rng": RNG},
    networks.LayerWithSkips.wired: {"self": SKIPPING, "rng": RNG},
    networks.LayerWithSkips.module: {"self": SKIPPING, "rng": RNG},
    networks.layer: {"topology": "torus", "arguments": [[2, 2], 2]},
    networks.label: {"network": NETWORK},
    networks.weights: {"network": NETWORK},
    networks.topologies: {"module": networks.build(NETWORK, "he_normal", 0)},
    networks.build: {"network": NETWORK, "initialization": "he_normal", "seed": 0},
    networks.one_hidden_layer: {"first": CLOS, "classes": 3},
    networks.at_parameters: {"method": "dense", "parameters": 90, "inputs": 4, "hidden": 8, "classes": 3},
    networks.ResNet18: {"channels": 3, "classes": 2, "width": 1, "generator": TORCH},
    networks.Convolution: {"kernel": 3, "channels": 2, "normalised": True},
    networks.Pool: {"size": 2},
    networks.Trunk: {"image": (28, 1), "layers": TRUNK.layers},
    networks.Trunk.build: {"self": TRUNK, "generator": TORCH},
    networks.MobileNet: {
        "width": 0.1, "pointwise": (), "residual": False, "groups": 1, "image": (32, 3), "classes": 2,
    },
    networks.SmallConvNet: {
        "channels": (4, 8), "routers": (), "spatial": "first", "image": (32, 3), "classes": 2,
    },
    networks.SmallConvNet.build: {"self": networks.SmallConvNet((4, 8)), "seed": 0, "initialization": "he_normal"},
    networks.normalise_between: {"network": torch.nn.Sequential(torch.nn.ReLU())},
    networks.MobileNet.build: {"self": networks.MobileNet(0.05), "seed": 0, "initialization": "he_normal"},
    counting.footprint: {
        "network": NET, "optimizer": torch.optim.SGD(NET.parameters()), "x": torch.ones(2, 4), "y": torch.arange(2),
    },
    counting.index_bytes: {"network": NET},
    counting.roofline: {"moved": 8, "operations": 8.0, "bandwidth": 2.0, "rate": 4.0, "overhead": 0.0},
    counting.traffic: {"held": HELD},
    counting.sample_energy: {"held": HELD, "edges": 12, "costs": COSTS},
    training.classification_layers: {
        "widths": (8, 4, 2), "fan_outs": (2, 2), "pattern": "structured", "parallelism": 4,
    },
    training.random_matrix: {"kind": "uniform", "shape": (2, 3), "generator": TORCH},
    training.set_biases: {"layers": NET},
    training.adam: {"network": NET, "layers": NET, "l2": 0.1, "learning_rate": 0.01},
    training.held_bytes: {"layers": NET, "optimizer": torch.optim.SGD(NET.parameters())},
    batchless.initial_weights: {"cascades": [(4, 4, 2, 2, 2), (4, 2)], "seed": 0},
    batchless.cascade_starts: {"cascades": [(4, 4, 2, 2, 2), (4, 2)]},
    in_order: {"names": ["one", "two"]},
}  # fmt: skip
NUMBERS = {"zero", "float", "billion", "beyond 64 bits"}
POSITIVE = NUMBERS - {"zero"}
HUGE = {"billion", "beyond 64 bits", "beyond printing"}
# What some functions rightly take of the wrong values; a name alone stands for the argument of every function.
ACCEPTED: dict[object, set[str]] = {
    "rtol": POSITIVE,
    "atol": POSITIVE,
    "moved": NUMBERS,
    "operations": NUMBERS,
    "overhead": NUMBERS,
    "bandwidth": POSITIVE,
    "rate": POSITIVE,
    "l2": NUMBERS,
    "learning_rate": POSITIVE,
    "noise": NUMBERS,
    "computed": NUMBERS | {"negative", "nan"},
    "seed": {"zero", "billion"},
    "edges": {"zero", "billion", "beyond 64 bits"},
    "leading_space": {"bool"},
    "normalised": {"bool"},
    "residual": {"bool"},
    (Layer, "topology"): {"text"},
    (networks.layer, "topology"): {"text"},
    (Layer, "arguments"): {"billions", "thousand twos", "negatives"},
    (networks.layer, "arguments"): {"empty list", "text in a list", "ragged", "billions", "thousand twos", "negatives"},
    "kernel": HUGE,
    "channels": HUGE,
    "size": HUGE,
    "width": {"float"},
    "image": {"None", "billions"},
    "parallelism": {"None", *HUGE},
    (networks.MobileNet, "classes"): HUGE,
    (networks.MobileNet, "groups"): HUGE,
    (networks.SmallConvNet, "classes"): HUGE,
    (networks.SmallConvNet, "channels"): {"thousand twos"},
    "names": {"empty list", "text in a list", "empty array", "array of text"},
    "key": {"text"},
    "text": {"text"},
    "path": {"text"},
    "folder": {"text"},
    "committed": {"empty list", "empty array"},
    "out_dir": {"text"},
    "notebook": {"text"},
    "title": {"text"},
    "tolerances": {"None"},
    (runs.sweep, "configs"): {"empty list", "empty array"},
    (runs.write_lines, "records"): {"empty list", "empty array"},
    (runs.Results.table, "name"): {"text"},
    (runs.Results.figure, "name"): {"text"},
    (runs.Results.verdicts, "verdicts"): {"empty list", "empty array"},
    (runs.Results.verdicts, "near_threshold"): {"empty list", "empty array"},
    (data.Dataset.first, "samples"): HUGE,
    (data.Dataset.hold_out, "samples"): {"zero"},
    (data.Text.hold_out, "count"): {"zero"},
    (data.Dataset.check_outputs, "outputs"): HUGE,
}
# What errors name instead, where an argument is known by another name or one of two does not fit the other.
ALSO = {
    (data.load, "name"): ["dataset"], (data.load_text, "name"): ["text"], (data.Dataset.padded, "inputs"): ["network"],
    (data.Dataset.check_outputs, "outputs"): ["network"],
}  # fmt: skip
# Runs of configurations: each takes one argument, and the table of all of them would say the same of every one.
RUNS = [
    training.train, training.classify, training.compress, training.reconstruct, training.train_images,
    training.fit_dense, searching.search, timing.measure, timing.time_networks,
    batchless.grow, batchless.separate, batchless.train_fixed_point, batchless.train_float32, batchless.train_pytorch,
    batchless.stored_weights, junctions.train_junctions, junctions.simulate_training, junctions.train_torus,
    junctions.synthesize, on_chip.train_on_chip, freezing.train_freezing, torus.run_layer, torus.run_campaign,
    synthesis.run_synthesis, synthesis.run_simulation, synthesis.run_placement, speed.time_layer, speed.time_caches,
    speed.time_single_samples, speed.time_block, speed.time_wires, speed.peak_memory, speed.time_heuristic,
    growing.train_growing, growing.train_masked, growing.train_growing_chip, federated.federate,
    training.trained_network, inverse_plasticity.freeze_into_logic, inverse_plasticity.freeze_element,
    conversion.nearest, conversion.by_routers, conversion.by_ridge,
    conversion.convert_trained, rates.train_at_rate, transformer.train_characters, transformer.convert_characters,
    transformer.time_steps, transformer.train_carried, perceptrons.train_perceptron,
    accuracy_vs_density.classify_in_small_batches,
]  # fmt: skip
CASES = [
    pytest.param(
        function, argument, id=f"{function.__module__.removeprefix('fabric.')}.{function.__qualname__}-{argument}"
    )
    for function, arguments in RIGHT.items()
    for argument in arguments
    if argument != "self"
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fabric.experiments.runs._results.committed_runs", list)  # they take long to read


@pytest.mark.parametrize("function", RIGHT)
def test_the_right_calls_are_right(function):
    assert list(inspect.signature(function).parameters) == list(RIGHT[function])
    call(function, RIGHT[function])


@pytest.mark.parametrize(("function", "argument"), CASES)
def test_a_wrong_argument_is_named_with_its_value(function, argument):
    accepted = ACCEPTED.get(argument, set()) | ACCEPTED.get((function, argument), set())
    also = ALSO.get((function, argument), ())
    wrong = {kind: value for kind, value in WRONG.items() if not (argument == "run" and callable(value))}
    assert not faults(function, RIGHT[function], argument, accepted=accepted, also=also, wrong=wrong)


@pytest.mark.parametrize(
    ("table", "what", "near"),
    [
        (topology.FAMILIES, "topology", "clos"),
        (networks.INITIALIZATIONS, "initialization", "he_normal"),
        (LOOKS, "look", "clos"),
        (KNOBS, "family", "torus"),
        (codesign.DEVICES, "device", "EP4CE22"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_dictionary_names_what_it_has(table, what, near):
    with pytest.raises(KeyError, match=f"{what} must be one of .*{near}.*, got '{near}s'") as found:
        table[f"{near}s"]
    assert len(str(found.value)) < LONGEST and dict(table) == table and table.get("typo") is None


@pytest.mark.parametrize("function", RUNS)
def test_a_run_takes_its_configuration_only(function):
    assert not faults(function, {"config": None}, "config", accepted=(), wrong=WRONG | {"another": RECORD})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_x": torch.full((6, 4), torch.nan)}, "train_x must hold features from 0 to 1, got nan"),
        ({"test_x": torch.full((2, 4), 255.0)}, "test_x must hold features from 0 to 1, got 255 to 255"),
        ({"train_x": torch.ones(6, 4, dtype=torch.float64)}, r"train_x .*, got torch.float64 of shape \(6, 4\)"),
        ({"test_x": torch.ones(2, 3)}, r"test_x .*, got torch.float32 of shape \(2, 3\)"),
        ({"train_y": torch.arange(5)}, r"train_y .* of 6 labels.*, got torch.int64 of shape \(5,\)"),
        ({"test_y": torch.tensor([0, -1])}, "test_y must be an int64 tensor of 2 labels, counted from 0"),
        ({"image": (1, 2, 3)}, r"image .* of the 4 features, got \(1, 2, 3\)"),
    ],
)
def test_a_data_set_that_is_wrong_in_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(DATA, **change)


@pytest.mark.parametrize(
    ("function", "change", "message"),
    [
        (counting.sample_energy, {"costs": COSTS | {"sram_access": -1.0}}, r"costs\['sram_access'\] .*, got -1.0"),
        (counting.footprint, {"y": torch.arange(3)}, r"y must hold int64 labels of the 2 samples of x, got .*\(3,\)"),
        (runs.RunStore.put, {"record": {"key": "a", "value": object()}}, "record must hold what JSON can hold"),
        (runs.Results.table, {"name": "../table"}, "name must be a name, without folders, got '../table'"),
        (batchless.initial_weights, {"cascades": [(1 << 20, 1 << 20)]}, "at most 268,435,456 weights, got"),
        (networks.Trunk.build, {"self": WIDE}, "layers must have"),
        (morse.MorseRecipe, {"dilation": 1 << 20}, "dilation must leave at most 268,435,456 levels .* got"),
    ],
)  # fmt: skip
def test_what_is_wrong_together_is_refused(function, change, message):
    with pytest.raises(ValueError, match=message):
        call(function, RIGHT[function] | change)

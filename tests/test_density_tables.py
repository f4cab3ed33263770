"""The poster's density tables: counts from first principles, and what the comparison with the print finds."""

import pytest
import torch
from torch import nn

from fabric.experiments.networks import Pool
from fabric.experiments.statements import agrees
from fabric.experiments.studies import density_tables as tables
from fabric.topology.junctions import densities


def trunk_module(trunk):
    """The trunk as PyTorch layers: an independent count of its parameters and features."""
    channels = trunk.image[1]
    layers = []
    for layer in trunk.layers:
        if isinstance(layer, Pool):
            layers.append(nn.MaxPool2d(layer.size))
        else:
            layers.append(nn.Conv2d(channels, layer.channels, layer.kernel, padding="same"))
            channels = layer.channels
    return nn.Sequential(*layers)


@pytest.mark.parametrize("net", [net for net, network in tables.NETWORKS.items() if network.trunk is not None])
def test_trunks_equal_their_pytorch_modules_and_feed_the_classification_layers(net):
    trunk = tables.NETWORKS[net].trunk
    side, channels = trunk.image
    module = trunk_module(trunk)
    operations = 0

    def count(layer, _, y):
        nonlocal operations
        operations += y[0, 0].numel() * sum(p.numel() for p in layer.parameters())

    for layer in module:
        layer.register_forward_hook(count)
    y = module(torch.zeros(1, channels, side, side))
    assert trunk.counts() == (sum(p.numel() for p in module.parameters()), operations, y.numel())
    assert y.numel() == tables.NETWORKS[net].widths[0]


def test_published_trunks():
    parameters, operations, _ = tables.CIFAR_TRUNK.counts()
    assert parameters == 1144512 + 896  # weights and biases
    assert round(operations / 1e6) == 153
    assert tables.MNIST_TRUNK.counts()[:2] == (52000 + 96, 10662400 + 37632)


def test_every_printed_cell_of_the_densities_is_compared():
    frame = tables.compare_densities()
    assert len(frame) == 48
    assert frame["row"].nunique() == 14
    assert (frame["finding"] == "agrees").sum() == 37


def test_mislabelled_rows_are_found_with_the_label_that_fits():
    frame = tables.compare_densities()
    wrong = frame[frame["finding"] == "mislabelled"]
    assert dict(zip(wrong["label"], wrong["fits"], strict=True)) == {
        "CIFAR100 conv2: 1, 1, 8": "CIFAR100 conv2: 1, 1",
        "CIFAR100 conv3: 1, 32": "CIFAR100 conv2: 1, 8",
        "CIFAR100 conv3: 1, 2, 16": "CIFAR10 conv3: 1, 2, 16",
    }
    assert all(agrees(row.printed, row.fits_computed) for row in wrong.itertuples())
    (slip,) = frame[frame["finding"] == "rounded twice"].itertuples()
    assert (slip.label, slip.column, slip.printed) == ("CIFAR100 conv3: 1, 1, 16", "overall", "0.39")
    assert slip.computed == pytest.approx(100 * 8704 / 2260992)
    assert not set(frame["finding"]) - {"agrees", "mislabelled", "rounded twice"}


def test_savings_agree_up_to_the_misprints():
    frame = tables.compare_savings()
    assert len(frame) == 6 * 8
    misprints = frame[frame["finding"] == "misprint"]
    assert set(zip(misprints["label"], misprints["column"], misprints["printed"], strict=True)) == {
        ("MNIST CL only: 42, 10", "dense_parameters_m", "0.07"),
        ("MNIST conv2: 16, 10", "conv_operations_b", "0.1"),
        ("CIFAR100 conv2: 1, 32", "sparse_parameters_m", "0.03"),
    }
    close = frame[frame["finding"] == "close"]
    assert set(close["column"]) == {"parameter_reduction_percent"}
    assert (close["computed"] - close["printed"].astype(float)).abs().max() < 0.015
    reductions = frame[frame["column"] == "operation_reduction_percent"]
    assert reductions["agrees"].all()


def test_reductions_are_those_of_the_counts():
    frame = tables.compare_savings().set_index(["label", "column"])["computed"]
    row = frame["CIFAR100 conv3: 1, 2, 32"]
    saved = row["dense_parameters_m"] - row["sparse_parameters_m"]
    assert row["parameter_reduction_percent"] == pytest.approx(
        100 * saved / (row["dense_parameters_m"] + row["conv_parameters_m"])
    )
    assert row["operation_reduction_percent"] == pytest.approx(
        100 * saved / (row["dense_parameters_m"] + 1000 * row["conv_operations_b"])
    )


@pytest.mark.parametrize("net", tables.NETWORKS)
def test_the_label_of_exact_densities_is_recovered(net):
    fan_outs = tables.SAVINGS_FAN_OUTS[net]
    exact = densities(tables.NETWORKS[net].widths, fan_outs)
    cells = {f"junction {i}": f"{100 * density:.4f}" for i, density in enumerate(exact.junctions, start=1)}
    cells["overall"] = f"{100 * exact.overall:.4f}"
    assert tables.fitting_networks(cells) == [(net, fan_outs)]

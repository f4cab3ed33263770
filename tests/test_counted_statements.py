"""What printed statements are held against where it is counted: by hand on small cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.studies import cycles_per_sample, density_tables, edge_budget, junction_pipeline, leads
from fabric.hardware import TorusMapping
from fabric.topology import clos


def test_the_formula_agrees_with_the_machine_only_where_rings_are_not_longer_than_what_they_take():
    table = cycles_per_sample.beside_formula(
        [(1024, 256, 32, 16, 32), (1024, 256, 32, 8, 32), (1024, 256, 16, 8, 16), (1024, 256, 16, 5, 16)]
    )
    assert table["formula"].tolist() == [80, 72, 88, 85]
    assert table["cycles"].tolist() == [80, 72, 96, 96]
    varied = cycles_per_sample.beside_formula([(64, 32, 8, 8, 8), (64, 256, 8, 8, 8)])
    assert varied["formula"].tolist() == [24, 24]
    assert varied["cycles"].tolist() == [24, 72]


def test_a_phase_takes_as_long_as_the_longer_of_its_values_and_its_ring():
    table = cycles_per_sample.beside_phases([(1024, 256, 32, 16, 32), (1024, 256, 16, 8, 16)])
    assert table["printed"].tolist() == [32, 32, 16, 64, 16, 8]
    assert table["cycles"].tolist() == [32, 32, 16, 64, 16, 16]
    assert cycles_per_sample.in_words(table).endswith("(1024, 256, 16, 8, 16): 64 + 16 + 16 and 64 + 16 + 8")


def test_two_printed_speedups_are_cut_off():
    table = cycles_per_sample.printed_speedups()
    assert table["agrees"].tolist() == [False, True, False, True]
    assert table["cut_off"].tolist() == [True, False, True, False]


def test_slips_are_labels_of_other_rows_and_lone_cells():
    table = pd.DataFrame(
        {
            "row": [1, 1, 2, 2, 3, 3],
            "agrees": [True, False, False, False, False, True],
            "finding": ["agrees", "misprint", "misprint", "misprint", "mislabelled", "mislabelled"],
        }
    )
    assert density_tables.explained(table) == 2


def test_alexnet_is_fully_connected_for_the_most_part():
    weights = density_tables.alexnet_weights()
    assert weights["fully connected"] == 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert weights["convolutional"] == 34848 + 307200 + 884736 + 663552 + 442368


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_behind_a_trunk_junctions_gain_three_times_their_number(depth):
    table = junction_pipeline.compare_sharing([depth]).set_index("sharing")["speed_up"]
    assert table[junction_pipeline.BEHIND_TRUNK] == 3 * depth
    assert table["both"] == 3 * depth - 1


def test_the_least_step_of_the_trade_off_decides():
    cells = pd.DataFrame(
        {"pattern": ["a", "a", "b", "b"], "parallelism": [4, 2, 2, 4], "cycles": [10, 20, 20, 8],
         "lookup_tables": [150, 100, 100, 130]}
    )  # fmt: skip
    assert junction_pipeline.trade_off(cells) == pytest.approx(1.3)


def test_a_network_that_never_reaches_an_accuracy_trains_on_no_device():
    fitting = pd.DataFrame(
        [(0.9, "clos", True), (0.9, "clos", True), (0.9, "dense", True), (0.9, "dense", False), (0.99, "dense", True)],
        columns=["target", "method", "trains_batchless"],
    )
    assert edge_budget.devices_gained(fitting).to_dict() == {0.9: 1, 0.99: -1}


def test_leads_are_told_method_by_method():
    accuracies = pd.DataFrame({"ours": [0.9, 0.9], "other": [0.8, 0.8]})
    assert leads.in_words(accuracies, "ours", ["other"]) == "other by 10.00 (10.00 … 10.00)"


def test_elements_have_as_many_products_as_the_mapping_gives_them_weights():
    table = cycles_per_sample.work([(1024, 1024, 32, 32, 32), (1024, 256, 16, 5, 16), (4, 4)]).set_index("layer")
    wide, narrow, ring = table.loc[["(1024, 1024, 32, 32, 32)", "(1024, 256, 16, 5, 16)", "(4, 4)"]].itertuples()
    assert (wide.least, wide.most, wide.evenness, wide.bound) == (96, 96, 1, 1)
    assert (narrow.elements, narrow.least, narrow.most) == (256, 5, 64 + 16 + 5)
    assert narrow.mean == (1024 * 5 + 16 * 5 * 16 + 256 * 5) / 256 and narrow.bound == narrow.mean / 64
    assert (ring.elements, ring.least, ring.most) == (4, 4, 4)


@given(rows=st.integers(2, 6), middle=st.integers(2, 6), columns=st.integers(2, 6), each=st.integers(1, 4))
def test_products_of_all_elements_are_the_weights_of_the_cascade(rows, middle, columns, each):
    mapping = TorusMapping([(rows * each, columns * each, rows, middle, columns)])
    products = cycles_per_sample.products_of_each(mapping)
    assert products.sum() == clos(rows * each, columns * each, rows, middle, columns).parameters
    phase = mapping.phases[1]  # the second level stands in columns
    assert np.count_nonzero(products[:, : phase.rings].sum(axis=0)) == phase.rings


@pytest.mark.parametrize(("least", "verdict", "have"), [(67, "reproduced", 2), (66, "not reproduced", 1)])
def test_a_straggler_takes_one_and_a_half_times_as_long_as_another(least, verdict, have):
    table = pd.DataFrame({"layer": ["a", "b"], "elements": [4, 4], "evenness": [1, least / 100], "bound": [1, 0.6]})
    found = cycles_per_sample.no_straggler(table, 0.998)
    assert (found.verdict, found.ours) == (verdict, pytest.approx(least))
    assert f"{have} of 2 have it" in found.reason and "No mapping of b" in found.reason and "99.8 %" in found.reason

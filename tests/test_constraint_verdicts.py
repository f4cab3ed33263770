"""What is said of solvable constraints: Clos with skips cascade by cascade, edges that deep networks waste."""

import pytest

from fabric import topology
from fabric.experiments.studies import topologies


@pytest.fixture(scope="module")
def cascades():
    return topologies.clos_with_skips(8, seed=0)


def test_clos_with_skips_is_ideal_where_outer_routers_have_several_inputs_and_outputs(cascades):
    assert ((cascades["efficiency"] == 1) == cascades["several"]).all()
    assert cascades["several"].sum() == 4 and (~cascades["several"]).sum() == 2
    assert (cascades[["plain", "identity", "off_support", "many"]].max(axis=1) <= cascades["parameters"]).all()
    single = cascades.set_index("topology").loc[topology.clos(8, 8, 2, 2, 8).name]
    assert (single["off_support"], single["parameters"], single["several"]) == (48, 64, False)


def test_one_cascade_that_is_not_ideal_contradicts_a_statement_on_all(cascades):
    judged = topologies.ideal_with_skips(cascades)
    assert (judged.verdict, judged.ours) == ("not reproduced", 0.75)
    assert "4 of 4 in which" in judged.reason and "0 of 2 others" in judged.reason
    ideal = topologies.ideal_with_skips(cascades[cascades["several"]])
    assert (ideal.verdict, ideal.ours) == ("reproduced", 1)


def test_the_butterfly_wastes_an_edge_for_each_hidden_neuron_and_depth_is_not_said_to_be_why():
    chosen = {
        "butterfly": topology.butterfly(8),
        "hypercube": topology.hypercube(8),
        "clos": topology.clos(8, 8, 4, 2, 4),
    }
    judged = topologies.waste(topologies.count_constraints(chosen, seed=0))
    assert (judged.verdict, judged.ours) == ("by design", pytest.approx(100 * 16 / 48))
    assert "Depth alone does not decide" in judged.reason and "hypercube(8, 3)" in judged.reason

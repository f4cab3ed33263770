"""Ways to freeze old edges: those that are compared at equal updates have equal updates."""

import pytest

from fabric.experiments.studies import calcification
from fabric.topology import clos

SIZES, GROUP, STEPS = (64, 32, 8, 4), 4, 40


def trained_edges(phase) -> int:
    """Of the cascade in a phase, edge by edge: those of stages and routers that are not frozen."""
    inputs, outputs, input_routers, output_routers = SIZES
    routers = phase.middle_routers - len(phase.frozen)
    stages = clos(inputs, outputs, input_routers, routers, output_routers).stages if routers else []
    return sum(int(stage.sum()) for stage in stages[phase.frozen_stages :])


def test_arms_that_claim_equal_updates_have_them():
    table = calcification.check_equal(calcification.arms(SIZES, GROUP, STEPS, 16))
    last = 32 * 10  # the dense layer to the classes
    for row in table.itertuples():
        phases = row.make("digits", 0.01, 0, 300).phases
        assert row.edge_steps == sum(phase.steps * (trained_edges(phase) + last) for phase in phases)
    equal = table[(table["claim"] == calcification.EQUAL) & (table["arm"] != "stopped early")]
    assert len(equal) == 5 and equal["edge_steps"].nunique() == 1
    assert (table.loc[table["arm"] == "none frozen", "updates"] == 100).all()


@pytest.mark.parametrize("arm", ["at random", "never trained"])
def test_an_arm_with_other_updates_than_it_claims_is_refused(arm):
    table = calcification.arms(SIZES, GROUP, STEPS, 16)
    wrong = table.assign(edge_steps=table["edge_steps"] + (table["arm"] == arm))
    with pytest.raises(ValueError, match=f"arms must have equal updates, these do not: .*{arm}"):
        calcification.check_equal(wrong)


def test_steps_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="steps must be a multiple of 4, the phases, got 41"):
        calcification.arms(SIZES, GROUP, 41, 16)

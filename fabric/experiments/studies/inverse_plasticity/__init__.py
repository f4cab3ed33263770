"""Frozen weights as logic in the cells of a Cyclone IV (notebook 33_inverse_plasticity)."""

from fabric.experiments.studies.inverse_plasticity._adders import Adder, digits, odd, plan
from fabric.experiments.studies.inverse_plasticity._element import FORMS, element
from fabric.experiments.studies.inverse_plasticity._frozen_element import FrozenElementConfig, freeze_element
from fabric.experiments.studies.inverse_plasticity._logic import FrozenLogicConfig, freeze_into_logic
from fabric.experiments.studies.inverse_plasticity._reconfigure import reconfiguration
from fabric.experiments.studies.inverse_plasticity._tables import (
    break_even,
    elements,
    run_elements,
    run_logic,
    training,
)
from fabric.experiments.studies.inverse_plasticity._verdict import verdict
from fabric.experiments.studies.inverse_plasticity._verilog import design
from fabric.experiments.studies.inverse_plasticity._weights import constants, trained_weights

__all__ = [
    "FORMS",
    "Adder",
    "FrozenElementConfig",
    "FrozenLogicConfig",
    "break_even",
    "constants",
    "design",
    "digits",
    "element",
    "elements",
    "freeze_element",
    "freeze_into_logic",
    "odd",
    "plan",
    "reconfiguration",
    "run_elements",
    "run_logic",
    "trained_weights",
    "training",
    "verdict",
]

"""Frozen weights as logic in the cells of a Cyclone IV (notebook 33_inverse_plasticity)."""

from fabric.experiments.studies.inverse_plasticity._adders import Adder, digits, odd, plan
from fabric.experiments.studies.inverse_plasticity._element import FORMS, element
from fabric.experiments.studies.inverse_plasticity._frozen_element import FrozenElementConfig, freeze_element
from fabric.experiments.studies.inverse_plasticity._logic import FrozenLogicConfig, freeze_into_logic
from fabric.experiments.studies.inverse_plasticity._verilog import design

__all__ = [
    "FORMS",
    "Adder",
    "FrozenElementConfig",
    "FrozenLogicConfig",
    "design",
    "digits",
    "element",
    "freeze_element",
    "freeze_into_logic",
    "odd",
    "plan",
]

"""Networks and their machines chosen together: data in, frontier out."""

from fabric.codesign._candidates import candidates, spread
from fabric.codesign._design import MODES, Design
from fabric.codesign._energy import Activity, Costs
from fabric.codesign._explore import METHODS, all_designs, explore, fits, judge, learn_from, search
from fabric.codesign._frontier import OBJECTIVES, Frontier, Point, undominated
from fabric.codesign._network import FAMILIES, Network
from fabric.codesign._resources import LogicModel, logic_model
from fabric.codesign._surrogate import Lesson, Surrogate
from fabric.codesign._task import DEVICES, Budget, Device, Task
from fabric.codesign._training import FixedNetwork, Trained, number_format, train

__all__ = [
    "DEVICES",
    "FAMILIES",
    "METHODS",
    "MODES",
    "OBJECTIVES",
    "Activity",
    "Budget",
    "Costs",
    "Design",
    "Device",
    "FixedNetwork",
    "Frontier",
    "Lesson",
    "LogicModel",
    "Network",
    "Point",
    "Surrogate",
    "Task",
    "Trained",
    "all_designs",
    "candidates",
    "explore",
    "fits",
    "judge",
    "learn_from",
    "logic_model",
    "number_format",
    "search",
    "spread",
    "train",
    "undominated",
]

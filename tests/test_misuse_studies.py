"""Parameters of notebooks that cannot be right, no rates or no seeds, are refused by name before anything runs."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import get_origin

import pytest
from misuse import WRONG, fault_of

from fabric.experiments import studies
from fabric.experiments.studies import comparison, heuristics, pruning
from fabric.experiments.studies.how_deep import networks_of_depth

# What a study tries or repeats: without it there is nothing to choose or to average.
LISTS = {"rates", "decays", "settings", "schedules", "penalties", "tree_counts", "rungs", "cascades"}
# What only goes through a list, takes one that another function checks, or has a default for what is missing.
MAY_BE_EMPTY: set[str | tuple[str, str]] = {
    "next_lower", "shared_decay", "label", "last_layers", "ways", "arms", "clos_and_dense_networks", "torus_configs",
    ("choose_formats", "cascades"), ("choose_formats", "rates"), ("freeze_on_machine", "cascades"),
    ("trained", "seeds"), ("way", "rates"),
}  # fmt: skip
NOT_COUNTS = ["None", "bool", "zero", "negative", "float", "text", "object", "dictionary"]
NOT_LISTS = ["None", "zero", "float", "text", "object", "empty list", "empty array", "dictionary"]


def public() -> list[Callable]:
    """All public functions of all studies."""
    modules = [
        importlib.import_module(found.name) for found in pkgutil.walk_packages(studies.__path__, f"{studies.__name__}.")
    ]
    return [
        function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]


def checked(function: Callable) -> dict[str, str]:
    """Which parameters of a function cannot be left empty, and what they are: "count", "counts" or "list"."""
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "seeds" and parameter.annotation is int:
            found[name] = "count"
        elif name == "seeds" and parameter.annotation == Mapping[str, int]:
            found[name] = "counts"
        elif name in LISTS and get_origin(parameter.annotation) is Sequence:
            found[name] = "list"
    return {
        name: kind for name, kind in found.items() if not {function.__name__, (function.__name__, name)} & MAY_BE_EMPTY
    }


CASES = [
    pytest.param(function, name, id=f"{function.__module__.removeprefix('fabric.experiments.studies.')}-{name}")
    for function in public()
    for name in checked(function)
]
RIGHT = {"count": 1, "counts": {"digits": 1}, "list": [1]}


def refusal(function: Callable, argument: str, value: object) -> Exception:
    """The error of a call in which all is right that is checked, but for one argument; nothing else is given."""
    given: dict[str, object] = {name: [1] for name in inspect.signature(function).parameters}
    given |= {name: RIGHT[kind] for name, kind in checked(function).items()}
    with pytest.raises(Exception) as found:
        function(**given | {argument: value})
    return found.value


@pytest.mark.parametrize(("function", "argument"), CASES)
def test_nothing_to_try_or_to_repeat_is_refused_by_name(function, argument):
    kind = checked(function)[argument]
    wrong = {name: WRONG[name] for name in (NOT_COUNTS if kind == "count" else NOT_LISTS)}
    if kind == "counts":
        wrong |= {"no seeds": {}, "zero for one": {"digits": 0}}
        del wrong["dictionary"]  # whose value is a count
    faults = {name: fault_of(refusal(function, argument, value), argument, value) for name, value in wrong.items()}
    assert not {name: fault for name, fault in faults.items() if fault}


def test_the_usual_functions_are_among_them():
    names = {(case.values[0].__name__, case.values[1]) for case in CASES}
    assert {("choose_learning_rates", "rates"), ("train_networks", "seeds"), ("prune_all", "rates")} <= names
    assert len(names) > 60


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: comparison.equal_parameter_networks([]), r"cascades must hold at least one entry, got \[\]"),
        (lambda: comparison.clos_and_dense_networks([], []), "cascades and hidden_neurons must hold at least one"),
        (lambda: networks_of_depth([]), "cascades must hold at least one entry"),
        (lambda: pruning.prune_all(None, [9], "digits", 8, [0.1], (1, 0, 9), 1, 1, 1), "tuning's seeds must be a pos"),
        (lambda: heuristics.train_all(None, None, {"digits": [0]}, [0.1], {}, 1, 1), "seeds of all .*, got 0"),
    ],
)
def test_other_parameters_that_leave_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Configurations: everything that a run depends on, each field checked, and the key that follows from it."""

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from fabric._checks import instance, shown


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a field's value must be beyond its type; stands in the field's annotation, `Annotated[int, Rule(...)]`.

    Attributes:
        wanted: what would be right, in words: "a positive integer".
        holds: whether a value of the annotated type is right.
    """

    wanted: str
    holds: Callable[[Any], bool]


def one_of(*names: str) -> Rule:
    """The value is one of these names."""
    return Rule(f"one of {', '.join(names)}", lambda value: value in names)


Positive = Annotated[int, Rule("a positive integer", lambda value: value > 0)]
Natural = Annotated[int, Rule("an integer from 0", lambda value: value >= 0)]
PositiveFloat = Annotated[float, Rule("a positive float", lambda value: 0 < value < math.inf)]
NaturalFloat = Annotated[float, Rule("a finite float of at least 0", lambda value: 0 <= value < math.inf)]
Share = Annotated[float, Rule("a float above 0 and at most 1", lambda value: 0 < value <= 1)]


class Checked:
    """Base of frozen dataclasses whose fields are held against their annotations.

    Integers and floats are told apart and lists are no tuples, since a configuration's JSON tells them apart too.

    Raises:
        ValueError: a field that is not what its annotation says; the message names the field, its value and what
            would be right.
    """

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            if not _fits(value, hint):
                raise ValueError(f"{name} must be {_wanted(hint)}, got {shown(value)}")


class RunConfig(Checked):
    """Base of all configurations: frozen dataclasses that hold everything that a run depends on.

    A run is known by its configuration, see `run_key`. The name of the class, the names of its fields and its `recipe`
    are part of that identity as much as the values are: committed records are found by them. To rename one of them is
    to disown every run that was made with it. `recipe` is raised when the code of a run changes what it measures.
    """

    recipe: ClassVar[int]


def run_key(config: RunConfig) -> str:
    """SHA-256 (hex) of a configuration: class name, class attribute `recipe`, every field.

    Raises:
        ValueError: `config` is no `RunConfig`.
    """
    instance("config", config, RunConfig)
    content = {"kind": type(config).__name__, "recipe": config.recipe, **fields_of(config)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def fields_of(config: RunConfig) -> dict[str, Any]:
    """Every field by name, dataclasses inside as dictionaries."""
    return dataclasses.asdict(config)  # type: ignore[call-overload]  # every configuration is a dataclass


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, arguments[0]) and all(rule.holds(value) for rule in arguments[1:])
    if origin in (Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        items = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(items) == len(value) and all(map(_fits, value, items))
    return type(value) is int if hint is int else isinstance(value, hint)


def _wanted(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return arguments[-1].wanted
    if origin in (Union, types.UnionType):
        return " or ".join(map(_wanted, arguments))
    if origin is Literal:
        return one_of(*arguments).wanted
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"a tuple in which each item is {_wanted(arguments[0])}"
        return f"a tuple ({', '.join(map(_wanted, arguments))})"
    words = {int: "an integer", float: "a float", str: "a string", bool: "True or False", type(None): "None"}
    return words.get(hint) or f"a {hint.__name__}"

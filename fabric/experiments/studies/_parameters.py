"""Parameters of notebooks that no study can do without: what cannot be right is refused before anything runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from fabric._checks import mapping, positive_int, sequence, shown


def not_empty(**parameters: Sequence[Any]) -> None:
    """Raise ValueError for the first parameter that is no sequence of at least one entry."""
    for name, value in parameters.items():
        if len(sequence(name, value, "at least one entry")) == 0:
            raise ValueError(f"{name} must hold at least one entry, got {shown(value)}")


def positive(**parameters: int) -> None:
    """Raise ValueError for the first parameter that is no positive integer."""
    for name, value in parameters.items():
        positive_int(name, value)


def positive_each(**parameters: Mapping[str, int]) -> None:
    """Raise ValueError for the first parameter that is no dictionary of at least one name with positive integers."""
    for name, value in parameters.items():
        if len(mapping(name, value)) == 0:
            raise ValueError(f"{name} must hold at least one entry, got {shown(value)}")
        for key, number in value.items():
            positive_int(f"{name}[{key!r}]", number)

"""Checks of this package beside those of the library."""

from fabric._checks import number


def share(name: str, value: object) -> float:
    """A number from 0 to 1, or ValueError."""
    found = number(name, value, least=0)
    if found > 1:
        raise ValueError(f"{name} must be a fraction from 0 to 1, got {value!r}")
    return found

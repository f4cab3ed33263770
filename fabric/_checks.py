"""Argument checks shared by the library: an error names the argument, its value and what would be right."""

import operator


def positive_int(name: str, value: object, upper: int | None = None) -> int:
    """Return `value` as an int in 1 ... `upper` (no limit if None), or raise ValueError naming it."""
    wanted = "a positive integer" if upper is None else f"an integer from 1 to {upper}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from None
    if isinstance(value, bool) or number < 1 or (upper is not None and number > upper):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return number

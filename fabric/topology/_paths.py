"""Paths through a cascade: exact counts and reachability.

Both walk the stages from the inputs to the outputs and keep, for every neuron of the current level, one entry per
input: the number of paths from it, or one bit that says whether there is any.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

# Counts are held as digits of 40 bits in int64: a sum over fewer than 2**22 incoming edges stays below 2**62. A digit
# may grow past 40 bits while it stays below that limit, so that shallow cascades never carry.
_DIGIT_BITS = 40
_DIGIT_MASK = (1 << _DIGIT_BITS) - 1
_LIMIT = 1 << 62


def path_counts(stages: Sequence[np.ndarray]) -> np.ndarray:
    """Exact number of paths from every input to every output, shape (outputs, inputs).

    int64 where all counts are below 2**63, otherwise an object array of Python integers.
    """
    digits, largest = [stages[0].astype(np.int64)], 1
    for stage in stages[1:]:
        edges = sparse.csr_array(stage, dtype=np.int64)
        fan_in = int(np.diff(edges.indptr).max())
        if largest * fan_in >= _LIMIT:
            digits, largest = _carry(digits), _DIGIT_MASK
        digits, largest = [edges @ digit for digit in digits], largest * fan_in
    digits = _carry(digits)
    if len(digits) == 1:
        return digits[0]
    fits = len(digits) == 2 and int(digits[1].max()) < 1 << (63 - _DIGIT_BITS)
    total = digits[-1] if fits else digits[-1].astype(object)
    for digit in reversed(digits[:-1]):
        total = (total << _DIGIT_BITS) + digit
    return total


def _carry(digits: list[np.ndarray]) -> list[np.ndarray]:
    """Bring every digit back under 2**40, appending a leading digit if one is needed."""
    result = []
    carry = np.zeros_like(digits[0])
    for digit in digits:
        digit = digit + carry
        carry = digit >> _DIGIT_BITS
        result.append(digit & _DIGIT_MASK)
    return [*result, carry] if carry.any() else result


def is_fully_connected(stages: Sequence[np.ndarray]) -> bool:
    """Whether every input reaches every output, by reachability on bit sets (eight inputs to a byte)."""
    inputs = stages[0].shape[1]
    reached = np.packbits(stages[0], axis=1)
    for stage in stages[1:]:
        edges = sparse.csr_array(stage)
        fed = np.diff(edges.indptr) > 0
        following = np.zeros((stage.shape[0], reached.shape[1]), np.uint8)
        if fed.any():
            following[fed] = np.bitwise_or.reduceat(reached[edges.indices], edges.indptr[:-1][fed], axis=0)
        reached = following
    return bool(np.unpackbits(reached, axis=1, count=inputs).all())

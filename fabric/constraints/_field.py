"""Linear algebra over a prime field, carried out exactly in float64.

Residues are the integers 0 ... PRIME - 1 in float64 arrays. A sum of up to CHUNK products of two residues stays below
2**52 and is exact in whatever order it is added, so matrix products run at the speed of BLAS without any rounding.
"""

import numpy as np

from fabric._compiled import njit

PRIME = 4194301  # 2**22 - 3
CHUNK = 256
_PANEL = 64  # columns eliminated one by one before the rest of the matrix is updated by a product


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left @ right of two matrices of residues."""
    total = np.zeros((left.shape[0], right.shape[1]))
    for start in range(0, left.shape[1], CHUNK):
        _subtract(total, left[:, start : start + CHUNK] @ -right[start : start + CHUNK])
    return total


def rank(matrix: np.ndarray) -> int:
    """Rank of a matrix of residues by Gauss elimination, panel after panel; the matrix is overwritten."""
    found = 0
    for start in range(0, matrix.shape[1], _PANEL):
        below = matrix[found:]
        factors = np.zeros((below.shape[0], min(_PANEL, matrix.shape[1] - start)))
        pivots = _eliminate(below, start, factors)
        rest = below[:, start + _PANEL :]
        rest[:pivots] = product(_inverse(factors[:pivots, :pivots]), rest[:pivots])
        _subtract(rest[pivots:], factors[pivots:, :pivots] @ rest[:pivots])
        found += pivots
        if found == matrix.shape[0]:
            break
    return found


@njit(cache=True)
def _residue(value: float) -> float:
    """value mod PRIME for an exact integer of size below 2**53."""
    # The rounded quotient can miss by one, the remainder is exact all the same.
    value -= np.floor(value * (1.0 / PRIME)) * PRIME
    if value < 0:
        value += PRIME
    elif value >= PRIME:
        value -= PRIME
    return value


@njit(cache=True)
def _subtract(matrix, other) -> None:
    """matrix = (matrix - other) mod PRIME."""
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            matrix[row, column] = _residue(matrix[row, column] - other[row, column])


@njit(cache=True)
def _reciprocal(value: float) -> float:
    """1 / value in the field, by Fermat's theorem."""
    result, base, exponent = 1.0, value, PRIME - 2
    while exponent:
        if exponent & 1:
            result = _residue(result * base)
        base = _residue(base * base)
        exponent >>= 1
    return result


@njit(cache=True)
def _exchange(matrix, one, other) -> None:
    for column in range(matrix.shape[1]):
        matrix[one, column], matrix[other, column] = matrix[other, column], matrix[one, column]


@njit(cache=True)
def _eliminate(matrix, start, factors) -> int:
    """Eliminate the columns start ... start + factors.shape[1] - 1 of all rows; returns the number of pivots.

    Rows are exchanged so that the pivot rows come first, in the whole matrix; columns after the panel are not touched
    otherwise. factors[i, t] is the multiple of pivot row t that was subtracted from row i > t; factors[t, t] is one.
    """
    stop = start + factors.shape[1]
    pivots = 0
    for column in range(start, stop):
        row = pivots
        while row < matrix.shape[0] and matrix[row, column] == 0:
            row += 1
        if row == matrix.shape[0]:
            continue
        _exchange(matrix, row, pivots)
        _exchange(factors, row, pivots)
        factors[pivots, pivots] = 1.0
        reciprocal = _reciprocal(matrix[pivots, column])
        for row in range(pivots + 1, matrix.shape[0]):
            factor = _residue(matrix[row, column] * reciprocal)
            factors[row, pivots] = factor
            for other in range(column, stop):
                matrix[row, other] = _residue(matrix[row, other] - factor * matrix[pivots, other])
        pivots += 1
        if pivots == matrix.shape[0]:
            break
    return pivots


@njit(cache=True)
def _inverse(lower) -> np.ndarray:
    """Inverse of a lower triangular matrix with ones on its diagonal."""
    size = lower.shape[0]
    result = np.eye(size)
    for row in range(size):
        for above in range(row):
            for column in range(above + 1):
                result[row, column] = _residue(result[row, column] - lower[row, above] * result[above, column])
    return result

"""The golden model's loops: forward, backward and update steps of a whole run, all PEs of a cycle side by side.

Arrays of a phase are flat over the PEs, place by place along the rings. What circulates moves one place, one stride, a
cycle: in cycle t the PEs see a window of it (held twice in a row for the wrap-around), and the weights that they use
then are row t of the phase's weights.
"""

import numpy as np

from fabric._compiled import njit

STEP = np.dtype(
    [
        ("runs", "?"),
        ("phase", "i8"),
        ("by_row", "?"),
        ("offset", "i8"),  # the row of `weights` that is used in cycle 0
        ("length", "i8"),
        ("first", "?"),
        ("final", "?"),
        ("kind", "i8"),
        ("shift", "i8"),
        ("rows", "i8"),
        ("columns", "i8"),
        ("lag", "i8"),
        ("emit", "?"),
        ("frozen", "?"),
    ],
    align=True,
)
KINDS = ("identity", "relu", "sigmoid")
_RELU, _SIGMOID = 1, 2
_ACTIVATIONS, _ERRORS, _DELTAS, _WEIGHTS = range(4)  # fields of `Saturations`
_HELD = 8  # samples under way at once, at most


@njit(cache=True)
def run_steps(forward, backward, drain, fixed, rate, dither, deltas_given, weights, random, samples, wanted, outputs,
              emitted, clipped):  # fmt: skip
    """All rounds of a program.

    Args:
        forward, backward: `STEP` of each slot.
        drain: rounds after the last sample.
        fixed: integers and tables of the format, see `GoldenMachine`.
        rate: left shift of update products.
        dither: added to them before they are rounded; -1 for random words.
        deltas_given: `wanted` are deltas.
        weights: stored weights (cycles of all phases, PEs), changed in place; of an integer type that holds the sums.
        random: random words, uint16 (rows, columns), changed in place.
        samples: words (samples, rows, length of the first phase).
        wanted: words (samples, rows, columns), or (0, rows, columns) for inference.
        outputs, emitted: words (samples or 0, rows, columns), written.
        clipped: counts of what saturates, in the order of `Saturations`, added to.
    """
    count, rows, columns = outputs.shape
    longest = forward["length"].max()
    space = 2 * longest * max(rows, columns)
    operands = np.zeros((len(forward), _HELD, space), weights.dtype)
    deltas = np.zeros((_HELD, rows, columns), weights.dtype)
    results = np.zeros((_HELD, rows, columns), weights.dtype)
    for turn in range(count + drain):
        for slot in range(len(forward)):
            step = forward[slot]
            sample = turn - step.lag
            if step.runs and 0 <= sample < count:
                ring, y = operands[step.phase, sample % _HELD], results[sample % _HELD]
                if step.first:
                    _circulate(samples[sample], step.by_row, step.length, ring)
                else:
                    _circulate(y, step.by_row, step.length, ring)
                _forward(step, fixed, weights, ring, y, clipped)
                if step.final:
                    outputs[sample] = y
                    if len(wanted) and deltas_given:
                        deltas[sample % _HELD] = wanted[sample]
                    elif len(wanted):
                        _error(y, wanted[sample], fixed, deltas[sample % _HELD], clipped)
            step = backward[slot]
            sample = turn - step.lag
            if step.runs and 0 <= sample < count:
                delta = deltas[sample % _HELD]
                ring = operands[step.phase, sample % _HELD]
                _backward(step, fixed, weights, ring, delta, random, rate, dither, clipped)
                if step.emit:
                    emitted[sample] = delta


@njit(cache=True)
def _circulate(x, by_row, length, ring):
    """Values as they stand on the rings before the first cycle, twice: from (rows, length) or (length, columns)."""
    rings = x.shape[0] if by_row else x.shape[1]
    for i in range(length):
        for j in range(rings):
            value = x[j, i] if by_row else x[i, j]
            ring[i * rings + j] = value
            ring[(length + i) * rings + j] = value


@njit(cache=True)
def _forward(step, fixed, weights, operands, y, clipped):
    rows, columns = y.shape
    rings, places = (rows, columns) if step.by_row else (columns, rows)
    sums = np.zeros(rows * columns, weights.dtype)
    for t in range(step.length):
        _accumulate(weights[step.offset + t], fixed.guard, operands[(step.length - t) * rings :], sums)
    for place in range(places):
        for ring in range(rings):
            r, c = (ring, place) if step.by_row else (place, ring)
            exact = _divided(sums[place * rings + ring], step.shift)
            value = _saturated(exact, fixed.word)
            clipped[_ACTIVATIONS] += value != exact
            if step.kind == _RELU:
                value = max(value, 0)
            elif step.kind == _SIGMOID:
                half = fixed.sigmoid[min(abs(value), len(fixed.sigmoid) - 1)]
                value = (1 << fixed.fraction) - half if value < 0 else half
            y[r, c] = value if r < step.rows and c < step.columns else 0


@njit(cache=True)
def _error(y, wanted, fixed, delta, clipped):
    for r in range(y.shape[0]):
        for c in range(y.shape[1]):
            exact = (np.int64(wanted[r, c]) - y[r, c]) << fixed.widen
            delta[r, c] = _saturated(exact, fixed.word)
            clipped[_ERRORS] += delta[r, c] != exact


@njit(cache=True)
def _backward(step, fixed, weights, operands, delta, random, rate, dither, clipped):
    """Deltas of a phase's neurons become those of its inputs; then its weights are updated, unless they are frozen."""
    rows, columns = delta.shape
    rings, places = (rows, columns) if step.by_row else (columns, rows)
    own, state = np.empty(rows * columns, weights.dtype), np.empty(rows * columns, np.uint16)
    placed = step.length == places  # else there are no deltas below: not all values have a place
    for place in range(places):
        for ring in range(rings):
            r, c = (ring, place) if step.by_row else (place, ring)
            own[place * rings + ring], state[place * rings + ring] = delta[r, c], random[r, c]
    passing = np.zeros(2 * step.length * rings, weights.dtype)
    for t in range(step.length):
        held = weights[step.offset + t]
        window = (step.length - t) * rings
        _accumulate(held, fixed.guard, own, passing[window : window + len(own)])
        if not step.frozen:
            clipped[_WEIGHTS] += _update(held, own, operands[window:], state, fixed.update, fixed.weight, rate, dither)
        _step(state)
    for place in range(places):
        for ring in range(rings):
            r, c = (ring, place) if step.by_row else (place, ring)
            k = place * rings + ring
            exact = _divided(passing[k] + passing[step.length * rings + k], step.shift)
            below = _saturated(exact, fixed.word)
            clipped[_DELTAS] += placed and below != exact
            if step.kind == _RELU and operands[k] <= 0:
                below = 0
            elif step.kind == _SIGMOID:
                slope = fixed.slope[operands[k] & ((2 << fixed.fraction) - 1)]
                exact = _divided(below * slope, fixed.operand)
                below = _saturated(exact, fixed.word)
                clipped[_DELTAS] += placed and below != exact
            delta[r, c], random[r, c] = below, state[k]


# Loops over PEs: every intermediate result is cast to the arrays' own type, so that a vector register holds as many PEs
# as it can.


@njit(cache=True)
def _accumulate(held, guard, factors, sums):
    """sums += operands of the held weights * factors."""
    whole = sums.dtype.type
    for k in range(len(sums)):
        sums[k] += whole(whole(held[k] >> (guard & 31)) * factors[k])


@njit(cache=True)
def _update(held, delta, passing, state, shift, bits, rate, dither):
    """Weights of a cycle; returns how many would have left their format."""
    whole = held.dtype.type
    clipped = whole(0)
    rate, shift = rate & 15, shift & 31
    least, most, mask = whole(-(1 << (bits - 1))), whole((1 << (bits - 1)) - 1), whole((1 << shift) - 1)
    if dither < 0:
        for k in range(len(held)):
            step = whole(whole(whole(delta[k] * passing[k]) << rate) + whole(whole(state[k]) & mask))
            exact = whole(held[k] + whole(step >> shift))
            held[k] = min(max(exact, least), most)
            clipped += whole(held[k] != exact)
    else:
        for k in range(len(held)):
            step = whole(whole(whole(delta[k] * passing[k]) << rate) + dither)
            exact = whole(held[k] + whole(step >> shift))
            held[k] = min(max(exact, least), most)
            clipped += whole(held[k] != exact)
    return clipped


@njit(cache=True)
def _step(state):
    """The next random words."""
    for k in range(len(state)):
        x = np.uint16(state[k] ^ np.uint16(state[k] << 7))
        x = np.uint16(x ^ np.uint16(x >> 9))
        state[k] = np.uint16(x ^ np.uint16(x << 8))


@njit(cache=True, inline="always")
def _divided(total, shift):
    """Divide by 2 ** shift, round half up."""
    return (total + (1 << (shift - 1))) >> shift


@njit(cache=True, inline="always")
def _saturated(value, bits):
    limit = 1 << (bits - 1)
    return min(max(value, -limit), limit - 1)

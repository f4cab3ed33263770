"""Gradient descent sample by sample in the arithmetic of the training machine, on any edges.

The same rounding, saturation and order as the golden model's sequential mode, which runs Clos cascades only; here a
stage is a list of edges, with fixed skips of weight one beside them.
"""

import numpy as np

from fabric._compiled import njit
from fabric.hardware.torus._steps import _divided, _saturated

IDENTITY, RELU, SIGMOID = range(3)


@njit(cache=True)
def run_samples(first, widths, kinds, edge_ends, sources, targets, skip_ends, skip_sources, skip_targets, weights,
                fixed, half, slope, rate, dither, inputs, wanted, outputs, active):  # fmt: skip
    """Forward, and backward with updates where there are targets, sample after sample.

    Args:
        first: where each level begins in one row of all neurons, and its end: int64 (levels + 1,).
        widths: neurons of each level, int64 (levels,).
        kinds: activation at the end of each stage, int64 (stages,).
        edge_ends: edges up to the end of each stage, from 0: int64 (stages + 1,).
        sources, targets: neurons in their levels, of each edge.
        skip_ends, skip_sources, skip_targets: the same of the fixed edges.
        weights: stored weights, int64, changed in place.
        fixed: word, weight, guard, fraction, widen, operand_fraction, update_shift: int64 (7,).
        half, slope: tables of the sigmoid.
        rate: left shift of update products. dither: added to them; -1 for random bits.
        inputs: words (samples, inputs). wanted: words (samples, outputs) or (0, outputs) without training.
        outputs: words (samples, outputs), written.
        active: products of which both operands are not zero: forward, backward, update; int64 (3,), added to.
    """
    word, bits, guard, fraction, widen, shift, update = fixed
    stages = len(kinds)
    values = np.zeros(first[-1], np.int64)
    deltas = np.zeros(first[-1], np.int64)
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    state = np.uint32(2463534242)
    for sample in range(len(inputs)):
        for i in range(widths[0]):
            values[i] = inputs[sample, i]
        for stage in range(stages):
            below, above = first[stage], first[stage + 1]
            for i in range(widths[stage + 1]):
                values[above + i] = 0
            for e in range(edge_ends[stage], edge_ends[stage + 1]):
                x = values[below + sources[e]]
                w = weights[e] >> guard
                if x != 0:
                    values[above + targets[e]] += w * x
                    active[0] += w != 0
            for e in range(skip_ends[stage], skip_ends[stage + 1]):
                values[above + skip_targets[e]] += values[below + skip_sources[e]] << shift
            for i in range(widths[stage + 1]):
                y = _saturated(_divided(values[above + i], shift), word)
                if kinds[stage] == RELU:
                    y = max(y, 0)
                elif kinds[stage] == SIGMOID:
                    h = half[min(abs(y), len(half) - 1)]
                    y = (1 << fraction) - h if y < 0 else h
                values[above + i] = y
        last = first[stages]
        for i in range(widths[stages]):
            outputs[sample, i] = values[last + i]
        if len(wanted) == 0:
            continue
        for i in range(widths[stages]):
            deltas[last + i] = _saturated((wanted[sample, i] - values[last + i]) << widen, word)
        for stage in range(stages - 1, -1, -1):
            below, above = first[stage], first[stage + 1]
            for i in range(widths[stage]):
                deltas[below + i] = 0
            for e in range(edge_ends[stage], edge_ends[stage + 1]):
                delta = deltas[above + targets[e]]
                x = values[below + sources[e]]
                w = weights[e] >> guard
                if delta != 0:
                    deltas[below + sources[e]] += w * delta
                    active[1] += w != 0
                    active[2] += x != 0
                noise = dither
                if dither < 0:
                    state ^= np.uint32(state << np.uint32(13))
                    state ^= np.uint32(state >> np.uint32(17))
                    state ^= np.uint32(state << np.uint32(5))
                    noise = np.int64(state >> np.uint32(8)) & ((1 << update) - 1)
                weights[e] = min(max(weights[e] + ((((delta * x) << rate) + noise) >> update), least), most)
            for e in range(skip_ends[stage], skip_ends[stage + 1]):
                deltas[below + skip_sources[e]] += deltas[above + skip_targets[e]] << shift
            for i in range(widths[stage]):
                delta = _saturated(_divided(deltas[below + i], shift), word)
                if stage > 0 and kinds[stage - 1] == RELU and values[below + i] <= 0:
                    delta = 0
                elif stage > 0 and kinds[stage - 1] == SIGMOID:
                    delta = _saturated(_divided(delta * slope[values[below + i]], shift), word)
                deltas[below + i] = delta

"""Pre-defined sparse junctions: fixed fan-in and fan-out, laid out before training (Dey, Beerel and Chugg)."""

import numpy as np

from fabric._checks import buildable, generator, size
from fabric.topology import interleaver
from fabric.topology._baselines import random_sparse
from fabric.topology._families import family
from fabric.topology._topology import Topology
from fabric.topology.junctions import MOST, check_fan_out, check_parallelism, check_pattern, default_parallelism


@family
def predefined(
    inputs: int, outputs: int, fan_out: int, pattern: str, rng: np.random.Generator, parallelism: int | None = None
) -> Topology:
    """One stage in which every input has `fan_out` edges and every output inputs * fan_out / outputs.

    - "random": inputs * fan_out edges placed anywhere; only their total is exact. (The authors' code also takes a
      density and rounds its number of edges up; `random_sparse` takes any number of edges.)
    - "structured": exact fan-out and fan-in, otherwise at random.
    - "clash-free-1", "-2", "-3", each also with memory dither as "clash-free-1+MD": exact fan-out and fan-in, and
      `parallelism` memories that are never read twice in a cycle; see `interleaver.clash_free`. Patterns 1 and 2
      need a fan-in that divides the inputs: they could draw an edge twice otherwise.

    No edge is ever drawn twice.

    Args:
        inputs, outputs: neurons p and n on either side.
        fan_out: edges per input, from 1 to `outputs`; see `junctions.valid_fan_outs` for each pattern's choice.
        pattern: one of `junctions.PATTERNS`.
        rng: NumPy generator; the same state gives the same edges.
        parallelism: memories z of the left layer, a divisor of `inputs`; None takes `junctions.default_parallelism`.
            It shapes the clash-free patterns only.

    Raises:
        ValueError: an argument out of range or that does not fit the others; the message names the nearest values
            that do.
    """
    inputs = size("inputs", inputs, MOST)
    outputs = size("outputs", outputs, MOST)
    buildable((inputs, outputs), most=1 << 28, inputs=inputs, outputs=outputs)
    check_pattern(pattern)
    fan_out = check_fan_out(inputs, outputs, fan_out, pattern)
    if parallelism is not None:
        parallelism = check_parallelism(inputs, parallelism)
    generator(rng)
    name = f"predefined({inputs}, {outputs}, {fan_out}, {pattern})"
    if pattern == "random":
        return Topology(random_sparse(inputs, outputs, inputs * fan_out, rng).stages, name=name)
    if pattern == "structured":
        return Topology([_structured(inputs, outputs, fan_out, rng)], name=name)
    lanes = default_parallelism(inputs, outputs, fan_out) if parallelism is None else parallelism
    return interleaver.clash_free(inputs, fan_out, lanes, pattern, rng).topology(outputs, name=name)


def _structured(inputs: int, outputs: int, fan_out: int, rng: np.random.Generator) -> np.ndarray:
    """Output by output: inputs that still miss as many edges as outputs are left must be taken, others at random.

    This never gets stuck. Before each output the missing edges amount to fan-in times the outputs left, and no input
    misses more than there are outputs left: so at most fan-in inputs must be taken and at least fan-in can be.
    """
    fan_in = inputs * fan_out // outputs
    stage = np.zeros((outputs, inputs), bool)
    missing = np.full(inputs, fan_out)
    for output in range(outputs):
        outputs_left = outputs - output
        forced = np.flatnonzero(missing == outputs_left)
        free = np.flatnonzero((missing > 0) & (missing < outputs_left))
        chosen = np.concatenate((forced, rng.choice(free, fan_in - len(forced), replace=False)))
        stage[output, chosen] = True
        missing[chosen] -= 1
    return stage

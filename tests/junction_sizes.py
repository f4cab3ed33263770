"""Valid arguments of `topology.predefined`, for property tests."""

import numpy as np
from hypothesis import strategies as st

from fabric.topology import junctions

EXACT = ("structured", *junctions.CLASH_FREE)


@st.composite
def junction_sizes(draw, patterns=junctions.PATTERNS):
    """(inputs, outputs, fan_out, pattern, rng, parallelism), always valid."""
    common = draw(st.integers(1, 12))
    inputs, outputs = common * draw(st.integers(1, 6)), common * draw(st.integers(1, 6))
    pattern = draw(st.sampled_from(patterns))
    fan_out = draw(st.sampled_from(junctions.valid_fan_outs(inputs, outputs, pattern)))
    parallelism = draw(st.sampled_from([None, *junctions.divisors(inputs)]))
    return inputs, outputs, fan_out, pattern, np.random.default_rng(draw(st.integers(0, 99))), parallelism

"""A pre-defined sparse junction as a trainable layer."""

import numpy as np

from fabric import topology as topologies
from fabric._checks import positive_int
from fabric.nn._cascade import CascadeLinear
from fabric.nn._structured import check_size


class PredefinedLinear(CascadeLinear):
    """One junction with fixed fan-in and fan-out (Dey, Beerel and Chugg): in_features * fan_out weights.

    Shapes: x (*, in_features) → y (*, out_features). Put the activation after it. There is one weight per edge and
    neither a mask nor a dense gradient: at full fan-out the layer is one dense block, below it an edge list.

    Args:
        in_features, out_features, fan_out, pattern, rng, parallelism: as for `topology.predefined`.
        bias: whether to add a trainable bias.
        device, dtype: as for `torch.nn.Linear`.

    Raises:
        ValueError: an argument out of range or that does not fit the others; the message names the nearest values
            that do.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        fan_out: int,
        pattern: str,
        rng: np.random.Generator,
        parallelism: int | None = None,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        inputs, outputs = positive_int("in_features", in_features), positive_int("out_features", out_features)
        check_size(inputs * outputs, in_features=inputs, out_features=outputs)
        junction = topologies.predefined(in_features, out_features, fan_out, pattern, rng, parallelism)
        super().__init__(junction, bias, device=device, dtype=dtype)

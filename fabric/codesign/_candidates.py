"""All networks of a task that a search looks at, and some of them, spread over sizes, to train first."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from fabric._checks import one_of, positive_int, sequence, shown, size
from fabric.codesign._network import CLOS, FAMILIES, PARALLEL, TWO_LEVEL, Network
from fabric.hardware._checks import listed

_ROUTERS = (2, 4, 8, 16, 32, 64)
_RADICES = (2, 4, 8, 16, 32, 64)
_COUNTS = (1, 2, 3, 4)
_SMALLER = (1, 2, 4, 8)  # than the inputs, so many times, the hidden level may be


def candidates(inputs: int, outputs: int, families: Sequence[str] = FAMILIES) -> list[Network]:
    """Networks for so many features and classes whose cascade has fewer weights than a dense layer.

    Features are padded with zeros to a power of two, at least 16. Routers are powers of two from 2 to 64; the hidden
    level of Clos cascades is as wide as the inputs or 2, 4 or 8 times narrower. Radices of butterflies are powers of
    two, largest first, and up to four stand side by side. No level is narrower than there are classes.

    Args:
        inputs: features, from 2.
        outputs: classes, from 2.
        families: some of `FAMILIES`.

    Raises:
        ValueError: numbers or families outside these.
    """
    if size("inputs", inputs, 4096) < 2 or size("outputs", outputs, 4096) < 2:
        raise ValueError(f"inputs and outputs must be at least 2, got {inputs} and {outputs}")
    if not len(sequence("families", families, "names of families")):
        raise ValueError(f"families must hold some of {', '.join(FAMILIES)}, got {shown(families)}")
    for family in families:
        one_of("families", family, FAMILIES)
    n = max(16, 1 << (inputs - 1).bit_length())
    return [
        network
        for family in dict.fromkeys(families)
        for network in _of_family(family, n, outputs)
        if network.cascade_weights < n * network.hidden and network.bandwidth >= outputs
    ]


def spread(networks: Sequence[Network], count: int) -> list[Network]:
    """`count` networks of each family, evenly over the logarithm of their weights; the widest within a tenth of it.

    Raises:
        ValueError: no networks, or a count that is no positive integer.
    """
    positive_int("count", count)
    networks = listed("networks", networks, Network)
    if not networks:
        raise ValueError(f"networks must hold at least one, got {networks!r}")
    chosen = []
    for family in dict.fromkeys(network.family for network in networks):
        left = [network for network in networks if network.family == family]
        sizes = np.log2([network.weights for network in left])
        step = (sizes.max() - sizes.min()) / 10 / count
        for wanted in np.linspace(sizes.min(), sizes.max(), min(count, len(left))):
            distances = [abs(np.log2(network.weights) - wanted) // max(step, 1e-9) for network in left]
            best = min(range(len(left)), key=lambda at: (distances[at], -left[at].bandwidth, at))
            chosen.append(left.pop(best))
    return chosen


def _of_family(family: str, n: int, outputs: int) -> Iterator[Network]:
    if family in (CLOS, TWO_LEVEL):
        levels = 3 if family == CLOS else 2
        hidden = [n // smaller for smaller in _SMALLER if n // smaller >= 4]
        for width, routers in product(hidden, product(_ROUTERS, repeat=levels)):
            if n % routers[0] == 0 and width % routers[-1] == 0 and routers[0] < n and routers[-1] < width:
                yield Network(family, n, width, outputs, routers)
        return
    counts = _COUNTS if family == PARALLEL else (1,)
    for radices, count in product(digits(n, _RADICES[-1]), counts):
        if len(radices) > 1:
            yield Network(family, n, n, outputs, radices, count)


def digits(n: int, largest: int) -> Iterator[tuple[int, ...]]:
    """Powers of two up to the largest whose product is n, none before a larger one."""
    if n == 1:
        yield ()
        return
    for radix in _RADICES:
        if radix <= min(largest, n):
            for rest in digits(n // radix, radix):
                yield radix, *rest

"""How often weights are found in a cache while a network trains sample by sample."""

from collections.abc import Sequence

from fabric._checks import positive_int, sequence


def weight_hit_rate(layers: Sequence[int], cache: int, line: int = 64) -> float:
    """Share of the visits to lines of weights that hit, in a fully associative cache that drops the least recent line.

    A step with one sample reads all layers in their order, then all in the opposite order to pass gradients back and to
    update; within a layer always from the first line to the last. What is in a line that was just fetched counts as one
    visit. Steps follow each other for ever; nothing but weights is in the cache.

    A line of layer l comes again after the rest of its layer, all later layers on the way forward and back, and what
    stands before it in its layer: so it hits backward if layer l and all later ones fit, forward if it and all earlier
    ones do (Mattson and others 1970: an access hits if fewer different lines came since than the cache holds).

    Args:
        layers: bytes of weights of each layer, inputs first; every stage of a cascade is a layer.
        cache, line: bytes.

    Raises:
        ValueError: numbers that are not positive integers, or no layers.
    """
    positive_int("line", line)
    lines = [-(-positive_int("layers", size) // line) for size in sequence("layers", layers, "positive integers")]
    if not lines:
        raise ValueError("layers must hold at least one layer, got none")
    room = positive_int("cache", cache) // line
    hits, before, total = 0, 0, sum(lines)
    for own in lines:
        forward, backward = before + own <= room, total - before <= room
        hits += own * (forward + backward)
        before += own
    return hits / (2 * total)

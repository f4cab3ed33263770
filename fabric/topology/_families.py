"""The topologies that experiments know by name."""

import inspect
from collections.abc import Callable
from typing import ParamSpec

from fabric._checks import Named, shown
from fabric.topology._topology import Topology

P = ParamSpec("P")
FAMILIES: dict[str, Callable[..., Topology]] = Named("topology", {})


def family(make: Callable[P, Topology]) -> Callable[P, Topology]:
    """Register a function that makes topologies under its own name; use it as a decorator, `@topology.family`.

    What is registered has a name in experiments, `Layer("clos", (8, 8, 4, 2, 4))`. A function that draws at random
    takes its generator as argument `rng`.

    Raises:
        ValueError: no function with a name, or a name that another function has already.
    """
    if not inspect.isfunction(make) or not make.__name__.isidentifier():
        raise ValueError(f"make must be a function with a name, got {shown(make)}")
    name = make.__name__
    if name in FAMILIES:
        raise ValueError(f"make must have a name of its own, got {name!r}, which {FAMILIES[name].__module__} has taken")
    FAMILIES[name] = make
    return make

"""A cascade as the kernel is told of it: the sizes of its stages, and which neurons a router has."""

import functools
from typing import NamedTuple

import numpy as np

from fabric.topology import router_sizes


class Run(NamedTuple):
    """Neurons of a level that are dealt out to equal routers.

    With stride s, k neurons per router and R routers, neuron (high * k + member) * s + low of the run is a member of
    router high * s + low: stride 1 makes neighbours members of one router, stride R deals neurons out in turn. With stride 1
    the neurons need not divide: the first routers then have one more.
    """

    first: int
    neurons: int
    stride: int


class Routers(NamedTuple):
    """A stage of dense routers, its weights (parts * routers, outputs, inputs).

    Attributes:
        routers: per part.
        outputs, inputs: neurons of the largest router.
        parts: for each the runs of inputs and of outputs. Where parts have outputs in common, their results add up.
    """

    routers: int
    outputs: int
    inputs: int
    parts: tuple[tuple[Run, Run], ...]


class Edges(NamedTuple):
    """A stage of single edges: how many, and the neurons above and below."""

    edges: int
    outputs: int
    inputs: int


class Layout(NamedTuple):
    """A cascade: all that the kernel is told of a layer besides its tensors.

    Attributes:
        inputs, outputs: neurons of the first and the last level.
        stages: inputs first.
    """

    inputs: int
    outputs: int
    stages: tuple[Routers | Edges, ...]

    def flat(self) -> tuple[int, ...]:
        """The numbers in sequence, as plan.h reads them: parts first, 0 for edges."""
        numbers = [self.inputs, self.outputs]
        for stage in self.stages:
            if isinstance(stage, Edges):
                numbers += [0, *stage]
            else:
                numbers += [len(stage.parts), *stage[:3], *(n for part in stage.parts for run in part for n in run)]
        return tuple(numbers)


class Members(NamedTuple):
    """(routers, outputs) and (routers, inputs): the neurons of each router, -1 where a smaller router has none."""

    above: np.ndarray
    below: np.ndarray


@functools.lru_cache(maxsize=256)
def members(flat: tuple[int, ...]) -> tuple[Members | Edges, ...]:
    """The stages of `Layout.flat` with the neurons of every router."""
    numbers, stages = iter(flat[2:]), list[Members | Edges]()
    for parts in numbers:
        routers, outputs, inputs = (next(numbers) for _ in range(3))
        if parts == 0:
            stages.append(Edges(routers, outputs, inputs))
            continue
        above, below = [], []
        for _ in range(parts):
            below.append(_dealt(routers, inputs, Run(*(next(numbers) for _ in range(3)))))
            above.append(_dealt(routers, outputs, Run(*(next(numbers) for _ in range(3)))))
        stages.append(Members(np.concatenate(above), np.concatenate(below)))
    return tuple(stages)


def _dealt(routers: int, size: int, run: Run) -> np.ndarray:
    if routers * size == run.neurons:
        router = np.arange(routers)[:, None]
        return run.first + (router // run.stride * size + np.arange(size)) * run.stride + router % run.stride
    sizes = np.asarray(router_sizes(run.neurons, routers))[:, None]
    member = np.arange(size)
    return np.where(member < sizes, run.first + np.cumsum(sizes)[:, None] - sizes + member, -1)

"""NSGA-III over designs, by pymoo, which the rest of the package does without."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fabric.codesign._design import Design
from fabric.codesign._frontier import OBJECTIVES, Point
from fabric.hardware._tools import required_packages

_PARTITIONS = 3  # of each objective between reference directions: 56 directions for six
_DIGITS = 6  # of logarithms: what differs by rounding only, as on another machine, is bred alike
_GENERATIONS = 10  # at most, for each design that may be looked at


def evolve(
    designs: Sequence[Design], evaluate: Callable[[Design], Point | None], evaluations: int, seed: int
) -> list[Point | None]:
    """Breed designs until so many different ones have been looked at, or nothing new comes.

    A genome is a family, a place among its networks by size, a word length and a mode. Where no such design exists the
    next one in size stands for it.
    """
    with required_packages():
        from pymoo.algorithms.moo.nsga3 import NSGA3
        from pymoo.core.duplicate import NoDuplicateElimination
        from pymoo.core.mixed import MixedVariableMating, MixedVariableSampling
        from pymoo.core.problem import ElementwiseProblem
        from pymoo.core.variable import Choice, Real
        from pymoo.operators.selection.tournament import TournamentSelection
        from pymoo.util.ref_dirs import get_reference_directions
    kinds: dict[tuple[str, int, str], list[Design]] = {}
    for design in sorted(designs, key=lambda each: each.network.weights):
        kinds.setdefault((design.network.family, design.word, design.mode), []).append(design)
    found: dict[Design, Point | None] = {}

    class Problem(ElementwiseProblem):
        def __init__(self) -> None:
            choices = [sorted({kind[at] for kind in kinds}) for at in range(3)]
            variables: dict[str, Any] = {f"kind_{at}": Choice(options=each) for at, each in enumerate(choices)}
            super().__init__(vars=variables | {"size": Real(bounds=(0, 1))}, n_obj=len(OBJECTIVES), n_ieq_constr=1)

        def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            own = kinds.get((x["kind_0"], x["kind_1"], x["kind_2"]), [])
            point = None
            if own:
                design = own[min(int(x["size"] * len(own)), len(own) - 1)]
                if design not in found and len(found) < evaluations:
                    found[design] = evaluate(design)
                point = found.get(design)
            out["F"] = np.log(point.objectives).round(_DIGITS) if point is not None else np.full(len(OBJECTIVES), 1e3)
            out["G"] = [-1.0 if point is not None else 1.0]

    directions = get_reference_directions("das-dennis", len(OBJECTIVES), n_partitions=_PARTITIONS)
    mating = MixedVariableMating(
        selection=TournamentSelection(func_comp=_better_or_drawn), eliminate_duplicates=NoDuplicateElimination()
    )
    algorithm = NSGA3(directions, sampling=MixedVariableSampling(), mating=mating,
                      eliminate_duplicates=NoDuplicateElimination())  # fmt: skip
    algorithm.setup(Problem(), termination=("n_gen", _GENERATIONS * evaluations), seed=seed, verbose=False)
    before, idle = 0, 0
    while algorithm.has_next() and len(found) < evaluations and idle < _GENERATIONS:
        algorithm.next()
        idle = idle + 1 if len(found) == before else 0
        before = len(found)
    return list(found.values())


def _better_or_drawn(pop: Any, P: np.ndarray, random_state: Any = None, **_more: Any) -> np.ndarray:
    """Winners of tournaments, (tournaments, 1): who breaks limits less, else drawn, which pymoo does without seed."""
    winners = [
        random_state.choice([one, other])
        if pop[one].CV == pop[other].CV
        else min(one, other, key=lambda at: pop[at].CV)
        for one, other in P
    ]
    return np.array(winners, dtype=int)[:, None]

"""Search for cascades under a budget of parameters, without data: evolutionary and at random.

A genome is a dictionary of mixed variables and always stands for one cascade: a Clos cascade of two to five levels of
routers, or butterflies whose neuron numbers are cut into digits anywhere, one or several side by side, both with or
without fixed skips off the support. What a genome says about the other family is ignored. Genomes over the budget, or
with skips that find no room, are infeasible; arithmetic tells, before anything is counted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mixed import MixedVariableMating, MixedVariableSampling
from pymoo.core.population import Population
from pymoo.core.problem import ElementwiseProblem
from pymoo.core.variable import Binary, Choice, Integer
from pymoo.operators.selection.tournament import TournamentSelection

from fabric import constraints
from fabric._checks import positive_int
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.experiments.runs import Record, run_key
from fabric.hardware.torus.rings import butterfly_rings, clos_rings

LEVELS, ROUTERS, BUTTERFLIES = 5, 32, 8  # the largest numbers that a genome can hold
OBJECTIVES = ("constraints", "parameters", "depth", "cycles")  # the first is maximised, the others minimised


class Candidate(NamedTuple):
    """What arithmetic knows of a genome: the cascade it stands for, whether it is allowed, and its costs."""

    layer: Layer | LayerWithSkips
    feasible: bool
    parameters: int
    depth: int
    cycles: int


def variables(n: int) -> dict[str, Any]:
    """The genome of layers of n = 2**bits inputs and as many outputs, as pymoo's variables."""
    return {
        "family": Choice(options=["clos", "butterfly"]),
        "skips": Binary(),
        "levels": Integer(bounds=(2, LEVELS)),
        **{f"routers_{level}": Integer(bounds=(1, ROUTERS)) for level in range(LEVELS)},
        **{f"cut_{bit}": Binary() for bit in range(1, n.bit_length() - 1)},
        "count": Integer(bounds=(1, BUTTERFLIES)),
    }


def decode(genome: Mapping[str, Any], n: int, budget: int) -> Candidate:
    """The cascade that a genome stands for; nothing is built or counted."""
    if genome["family"] == "clos":
        routers = tuple(int(genome[f"routers_{level}"]) for level in range(genome["levels"]))
        wires = [before * behind for before, behind in pairwise(routers)]
        inner = sum(wire * behind for wire, behind in zip(wires, routers[2:], strict=False))
        parameters = n * (routers[1] + routers[-2]) + inner
        layer = Layer("multistage_clos", (n, n, routers))
        has_room, depth, cycles = min(routers) > 1, len(routers), clos_rings(n, n, routers).cycles
    else:
        radices, count = _radices(genome, n), int(genome["count"])
        parameters = count * n * sum(radices)
        layer = Layer("parallel_butterfly", (n, count, radices)) if count > 1 else Layer("butterfly", (n, radices))
        has_room, depth, cycles = len(radices) > 1, len(radices), butterfly_rings(radices, count).cycles
    skips = bool(genome["skips"])
    feasible = parameters <= budget and (has_room or not skips)
    return Candidate(LayerWithSkips(layer, "off_support") if skips else layer, feasible, parameters, depth, cycles)


def _radices(genome: Mapping[str, Any], n: int) -> tuple[int, ...]:
    """The bits of a neuron's number, cut into digits."""
    bits = n.bit_length() - 1
    cuts = [0, *[bit for bit in range(1, bits) if genome[f"cut_{bit}"]], bits]
    return tuple(1 << (end - start) for start, end in pairwise(cuts))


@cache
def solvable(layer: Layer | LayerWithSkips) -> int:
    """The heuristic: constraints that one attempt at colouring solves. Remembered, so no cascade is coloured twice."""
    topology, skips = layer.wired(np.random.default_rng(0))
    return constraints.coloring(topology, np.random.default_rng(0), skips, attempts=1).count


@dataclass(frozen=True)
class SearchConfig:
    """One search.

    Attributes:
        n: inputs and outputs of the layer, a power of two, at least 4.
        budget: most parameters, fewer than the n**2 of a dense layer.
        evaluations: different feasible cascades whose constraints may be counted; all else is free.
        population: genomes per generation of the evolutionary search.
        algorithm: "nsga2" (NSGA-II with pymoo's operators for mixed variables) or "random" (genomes drawn uniformly).
        seed: of the search.
    """

    recipe: ClassVar[int] = 1

    n: int
    budget: int
    evaluations: int
    population: int
    algorithm: str
    seed: int

    def __post_init__(self) -> None:
        if self.n < 4 or self.n & (self.n - 1):
            raise ValueError(f"n must be a power of two, at least 4, got {self.n!r}")
        positive_int("budget", self.budget, upper=self.n**2 - 1)
        positive_int("evaluations", self.evaluations)
        positive_int("population", self.population)
        if self.algorithm not in ("nsga2", "random"):
            raise ValueError(f"algorithm must be nsga2 or random, got {self.algorithm!r}")


class _Problem(ElementwiseProblem):
    """pymoo's view: objectives to be minimised, one inequality; keeps every feasible cascade in the order found."""

    def __init__(self, config: SearchConfig) -> None:
        super().__init__(vars=variables(config.n), n_obj=len(OBJECTIVES), n_ieq_constr=1)
        self.config = config
        self.found: dict[Layer | LayerWithSkips, tuple[int, ...]] = {}

    @property
    def is_done(self) -> bool:
        return len(self.found) >= self.config.evaluations

    def consider(self, genome: Mapping[str, Any]) -> tuple[list[int], list[int]]:
        """Objectives, and the inequality: how far the genome is from being feasible."""
        candidate = decode(genome, self.config.n, self.config.budget)
        count = 0
        if candidate.feasible and (candidate.layer in self.found or not self.is_done):
            count = solvable(candidate.layer)
            self.found[candidate.layer] = (count, candidate.parameters, candidate.depth, candidate.cycles)
        distance = 0 if candidate.feasible else max(1, candidate.parameters - self.config.budget)
        return [-count, candidate.parameters, candidate.depth, candidate.cycles], [distance]

    def _evaluate(self, x: Mapping[str, Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        out["F"], out["G"] = self.consider(x)


class _OnlyNewCascades(DuplicateElimination):
    """Drops genomes that stand for a cascade which another genome stands for, or which was counted already."""

    def __init__(self, problem: _Problem) -> None:
        super().__init__()
        self.problem = problem

    def _do(self, pop: Population, other: Population | None, is_duplicate: np.ndarray) -> np.ndarray:
        known = {self._layer(individual) for individual in other} if other is not None else set(self.problem.found)
        for position, individual in enumerate(pop):
            layer = self._layer(individual)
            is_duplicate[position] = layer in known
            known.add(layer)
        return is_duplicate

    def _layer(self, individual: Any) -> Layer | LayerWithSkips:
        return decode(individual.X, self.problem.config.n, self.problem.config.budget).layer


def search(config: SearchConfig) -> Record:
    """Run one search; the same configuration finds the same cascades.

    Returns:
        The configuration, "key", and "found": one dictionary per evaluated cascade, in the order evaluated, with
        "label", "layer" (as in a configuration) and the `OBJECTIVES`.
    """
    problem = _Problem(config)
    (_evolve if config.algorithm == "nsga2" else _draw)(problem)
    found = [
        {"label": layer.label, "layer": asdict(layer), **dict(zip(OBJECTIVES, values, strict=True))}
        for layer, values in problem.found.items()
    ]
    return {**asdict(config), "key": run_key(config), "found": found}


def _evolve(problem: _Problem) -> None:
    """NSGA-II that breeds new cascades only; it ends early where it finds none any more."""
    duplicates = _OnlyNewCascades(problem)
    breeding = MixedVariableMating(
        selection=TournamentSelection(func_comp=binary_tournament), eliminate_duplicates=duplicates
    )
    algorithm = NSGA2(
        problem.config.population, MixedVariableSampling(), mating=breeding, eliminate_duplicates=duplicates
    )
    algorithm.setup(
        problem, termination=("n_gen", 10 * problem.config.evaluations), seed=problem.config.seed, verbose=False
    )
    while algorithm.has_next() and not problem.is_done:
        algorithm.next()


def _draw(problem: _Problem) -> None:
    rng = np.random.default_rng(problem.config.seed)
    while not problem.is_done:
        for genome in MixedVariableSampling()._do(problem, problem.config.population, random_state=rng):
            problem.consider(genome)

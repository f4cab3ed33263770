"""Search for cascades under a budget of parameters, without data: evolutionary and at random."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mixed import MixedVariableMating, MixedVariableSampling
from pymoo.core.population import Population
from pymoo.core.problem import ElementwiseProblem
from pymoo.operators.selection.tournament import TournamentSelection

from fabric._checks import instance, positive_int
from fabric.experiments.networks import Layer, LayerWithSkips
from fabric.experiments.runs import Measured, Natural, Positive, Rule, RunConfig, one_of
from fabric.experiments.searching._genome import decode, solvable, variables

OBJECTIVES = ("constraints", "parameters", "depth", "cycles")  # the first is maximised, the others minimised

_GENERATIONS = 10  # at most, for each cascade that is to be evaluated


@dataclass(frozen=True)
class SearchConfig(RunConfig):
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

    n: Annotated[int, Rule("a power of two, at least 4", lambda n: n >= 4 and n & (n - 1) == 0)]
    budget: Positive
    evaluations: Positive
    population: Positive
    algorithm: Annotated[str, one_of("nsga2", "random")]
    seed: Natural

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int("budget", self.budget, upper=self.n**2 - 1)


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


def search(config: SearchConfig) -> Measured:
    """Run one search; the same configuration finds the same cascades.

    Returns:
        "found": one dictionary per evaluated cascade, in the order evaluated, with
        "label", "layer" (as in a configuration) and the `OBJECTIVES`.
    """
    instance("config", config, SearchConfig)
    problem = _Problem(config)
    (_evolve if config.algorithm == "nsga2" else _draw)(problem)
    found = [
        {"label": layer.label, "layer": asdict(layer), **dict(zip(OBJECTIVES, values, strict=True))}
        for layer, values in problem.found.items()
    ]
    return {"found": found}


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
        problem,
        termination=("n_gen", _GENERATIONS * problem.config.evaluations),
        seed=problem.config.seed,
        verbose=False,
    )
    while algorithm.has_next() and not problem.is_done:
        algorithm.next()


def _draw(problem: _Problem) -> None:
    """Genomes drawn uniformly; it ends early where they stand for nothing new, after as many draws as `_evolve`."""
    rng = np.random.default_rng(problem.config.seed)
    for _ in range(_GENERATIONS * problem.config.evaluations):
        if problem.is_done:
            return
        for genome in MixedVariableSampling()._do(problem, problem.config.population, random_state=rng):
            problem.consider(genome)

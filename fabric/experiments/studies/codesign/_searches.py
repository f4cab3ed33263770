"""Searches of the space of designs held against its exhaustive enumeration."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from fabric.codesign import (
    OBJECTIVES,
    Budget,
    Costs,
    Design,
    Device,
    Frontier,
    Lesson,
    Point,
    Surrogate,
    Trained,
    search,
    undominated,
)
from fabric.codesign import judge as judged
from fabric.experiments.studies._parameters import positive

_DARTS = 20_000  # points at which a hypervolume is measured: its standard error is at most 0.0036
_COSTS = ("multiply", "add", "access")


def surrogate_of(lessons: pd.DataFrame) -> Surrogate:
    """Fitted to the rows of `lessons`."""
    shares = lessons[["accuracy", "forward", "backward", "update"]].itertuples(index=False)
    return Surrogate(
        [Lesson(n, w, Trained(*s)) for n, w, s in zip(lessons["network"], lessons["word"], shares, strict=True)]
    )


def left_out(lessons: pd.DataFrame, surrogate: Surrogate) -> pd.DataFrame:
    """Each network and word length: mean accuracy over seeds, and what the fit without that network says.

    Returns:
        "network", "family", "word", "weights", "accuracy", "seeds", "predicted", and their difference "off".
    """
    table = lessons.assign(
        predicted=surrogate.left_out,
        family=[network.family for network in lessons["network"]],
        weights=[network.weights for network in lessons["network"]],
        network=[network.label for network in lessons["network"]],
    )
    keys = ["network", "family", "word", "weights"]
    found = table.groupby(keys, sort=False).agg(
        accuracy=("accuracy", "mean"), seeds=("seed", "size"), predicted=("predicted", "mean")
    )
    return found.reset_index().assign(off=lambda rows: rows["predicted"] - rows["accuracy"])


class Space:
    """All designs of a task on a device, looked at once, so that searches of it only look up.

    Args:
        designs: all of them.
        device, budget: what limits them.
        surrogate: of accuracy.

    Attributes:
        frontier: of the exhaustive enumeration.
        least, most: of each objective over all allowed designs, whose logarithms are the scales of the hypervolume; the
            reference point is the most. Both are fixed before any search.
    """

    def __init__(self, designs: Sequence[Design], device: Device, budget: Budget, surrogate: Surrogate) -> None:
        self.designs = list(designs)
        judge = judged(device, budget, surrogate)
        self._points = {design: judge(design) for design in designs}
        allowed = [point for point in self._points.values() if point is not None]
        self.frontier = Frontier(allowed, len(designs) - len(allowed))
        values = np.log(self.objectives(allowed))
        self.least, self.most = values.min(axis=0), values.max(axis=0)
        darts = np.random.default_rng(0).random((_DARTS, len(OBJECTIVES)))
        scaled = (values - self.least) / (self.most - self.least)
        self._hit = {point.design: (scaled[at] <= darts).all(axis=1) for at, point in enumerate(allowed)}

    @staticmethod
    def objectives(points: Sequence[Point]) -> np.ndarray:
        """Float64 (points, objectives)."""
        return np.array([point.objectives for point in points])

    def hypervolume(self, points: Sequence[Point | None]) -> float:
        """Share of the space of scaled objectives that some of these designs beat."""
        hits = [self._hit[point.design] for point in points if point is not None]
        return float(np.any(hits, axis=0).mean()) if hits else 0.0

    def searched(self, method: str, evaluations: int, seed: int) -> list[Point | None]:
        """What a search looks at."""
        return search(self.designs, self._points.__getitem__, method, evaluations, seed)


def searches(space: Space, steps: Sequence[int], seeds: int) -> pd.DataFrame:
    """Evolution and chance at equal evaluations, and the enumeration cut off there.

    Returns:
        "algorithm" ("nsga3", "random", "enumeration"), "seed", "evaluations", "hypervolume", over that of the full
        enumeration ("share"), and "undominated", the share of what the search would return that nothing at all beats.
    """
    positive(seeds=seeds)
    best = {point.design for point in space.frontier}
    whole = space.hypervolume(space.frontier.evaluated)
    rows = []
    for algorithm, method in (("nsga3", "evolve"), ("random", "random"), ("enumeration", "enumerate")):
        for seed in range(seeds if method != "enumerate" else 1):
            looked_at = space.searched(method, max(steps), seed)
            for some in steps:
                own = [point for point in looked_at[:some] if point is not None]
                front = [own[at] for at in undominated(space.objectives(own).reshape(-1, len(OBJECTIVES)))]
                volume = space.hypervolume(own)
                rows.append(
                    {"algorithm": algorithm, "seed": seed, "evaluations": some, "hypervolume": volume}
                    | {"share": volume / whole}
                    | {"undominated": sum(p.design in best for p in front) / len(front) if front else 0.0}
                )
    return pd.DataFrame(rows)


def correlations(space: Space) -> pd.DataFrame:
    """Rank correlations (Spearman) of the objectives over all allowed designs.

    Returns:
        "objective" and a column for each objective.
    """
    ranks = stats.spearmanr(space.objectives(space.frontier.evaluated)).statistic
    return pd.DataFrame(ranks, columns=list(OBJECTIVES)).assign(objective=list(OBJECTIVES))


def energy_ranking(space: Space, surrogate: Surrogate) -> pd.DataFrame:
    """How much the order of designs by energy changes where one cost is half or twice what is cited.

    Returns:
        "cost", "factor", "kendall" (rank correlation with the order at cited costs), "reversed" (share of pairs).
    """
    points = space.frontier.evaluated
    activity = [surrogate.activity(p.design.network, p.design.word) for p in points]

    def energies(costs: Costs) -> np.ndarray:
        return np.array([p.design.picojoules(a, costs) for p, a in zip(points, activity, strict=True)])

    cited, rows = energies(Costs()), []
    for cost in _COSTS:
        for factor in (0.5, 2.0):
            tau = float(stats.kendalltau(cited, energies(Costs().scaled(cost, factor))).statistic)
            rows.append({"cost": cost, "factor": factor, "kendall": tau, "reversed": (1 - tau) / 2})
    return pd.DataFrame(rows)


def to_retrain(space: Space, count: int) -> list[tuple[Point, bool]]:
    """`count` designs of the frontier and as many that are beaten, each spread over predicted accuracy.

    A network in words of a length is taken once, whichever way it trains. Whether it is of the frontier stands beside.
    """
    best = {point.design for point in space.frontier}
    front = {(p.design.network, p.design.word): p for p in space.frontier}
    beaten = {
        (p.design.network, p.design.word): p
        for p in space.frontier.evaluated
        if p.design not in best and (p.design.network, p.design.word) not in front
    }
    chosen = []
    for points, is_best in ((front, True), (beaten, False)):
        ordered = sorted(points.values(), key=lambda point: (point.accuracy, point.design.label))
        places = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int))
        chosen += [(ordered[at], is_best) for at in places]
    return chosen


def retrained(chosen: Sequence[tuple[Point, bool]], lessons: pd.DataFrame) -> pd.DataFrame:
    """What the surrogate said of designs beside what training them says.

    Args:
        chosen: of `to_retrain`.
        lessons: of their networks and word lengths, with seeds that the surrogate has not seen.

    Returns:
        "network", "word", "on_front", "predicted" with "predicted_low" and "predicted_high", "accuracy" (mean over
        seeds), "seeds", "off" and "is_inside", whether the interval holds the accuracy.
    """
    means = lessons.assign(label=[network.label for network in lessons["network"]]).groupby(["label", "word"])[
        "accuracy"
    ]
    mean, seeds = means.mean(), means.size()
    rows = []
    for point, is_best in chosen:
        key = (point.design.network.label, point.design.word)
        rows.append(
            {"network": key[0], "word": key[1], "on_front": is_best, "predicted": point.accuracy}
            | {
                "predicted_low": point.low,
                "predicted_high": point.high,
                "accuracy": mean[key],
                "seeds": int(seeds[key]),
            }
            | {"off": point.accuracy - mean[key], "is_inside": bool(point.low <= mean[key] <= point.high)}
        )
    return pd.DataFrame(rows)

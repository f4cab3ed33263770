"""Old edges are frozen while new ones grow, in several orders, at equal updates (notebook 32_calcification)."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from fabric.experiments.growing import GrowingConfig, Phase
from fabric.experiments.studies.densification import Config
from fabric.topology import clos

EQUAL, OTHER = "equal updates", "other updates"
_GROUPS = 4  # of equally many routers, one more in each phase


def arms(cascade: Sequence[int], group: int, steps: int, batch_size: int, classes: int = 10) -> pd.DataFrame:
    """Every way to train: a cascade that gains a group of middle routers in each of four phases, and its controls.

    The arms that claim equal updates are held against "oldest first, later": in the third phase it freezes the first
    group, in the last the first two.

    Args:
        cascade: (I, O, R_i, R_o).
        group: middle routers of a group; the cascade has four groups in the end.
        steps: of a training, a multiple of four.
        batch_size: of all.
        classes: outputs of the last layer.

    Returns:
        "arm", "claim" (`EQUAL` or `OTHER`), "edge_steps" (trained edges times steps), "allowed" (how far they may be
        off where they are equal), "frozen" (routers in the end) and "make" as in `densification.arms`.

    Raises:
        ValueError: steps that cannot be shared out.
    """
    if steps % _GROUPS:
        raise ValueError(f"steps must be a multiple of {_GROUPS}, the phases, got {steps}")
    inputs, outputs, input_routers, output_routers = cascade
    of_router = clos(inputs, outputs, input_routers, 1, output_routers).parameters
    last = outputs * classes
    every, length = _GROUPS * group, steps // _GROUPS
    grown = [group * (number + 1) for number in range(_GROUPS)]
    whole = [every] * _GROUPS
    none: list[Sequence[int]] = [()] * _GROUPS

    def first(*groups: int) -> list[Sequence[int]]:
        return [range(group * count) for count in groups]

    def at_random(seed: int) -> list[Sequence[int]]:
        rng = np.random.default_rng(seed)
        early = rng.choice(2 * group, group, replace=False).tolist()
        rest = np.setdiff1d(np.arange(3 * group), early)
        return [(), (), early, [*early, *rng.choice(rest, group, replace=False).tolist()]]

    def arm(
        name: str,
        routers: Sequence[int],
        frozen: Callable[[int], Sequence[Sequence[int]]],
        claim: str = EQUAL,
        stages: Sequence[int] = (0,) * _GROUPS,
        length: int = length,
    ) -> dict[str, object]:
        def make(dataset: str, rate: float, seed: int, held_out: int) -> Config:
            phases = tuple(
                Phase(count, length, tuple(sorted(map(int, chosen))), front)
                for count, chosen, front in zip(routers, frozen(seed), stages, strict=True)
            )
            sizes = (inputs, outputs, input_routers, output_routers)
            return GrowingConfig(dataset, sizes, phases, batch_size, rate, seed, held_out=held_out)

        work = 0
        for count, chosen, front in zip(routers, frozen(0), stages, strict=True):
            in_front = [inputs, input_routers * output_routers, outputs]
            trained = (count - len(chosen)) * (of_router - sum(in_front[:front]))
            work += length * (trained + last)
        return {
            "arm": name,
            "claim": claim,
            "edge_steps": work,
            "allowed": 2 * (every * of_router + last) if length != steps // _GROUPS else 0,
            "frozen": len(frozen(0)[-1]),
            "make": make,
        }

    kept = 7 * group // 4  # routers trained on average where the oldest are frozen later, times one
    sooner, left = 8 * group // 4, (7 * group - every - 2 * group) // 2
    halving: list[Sequence[int]] = [(), range(every - sooner), range(every - left), range(every - left)]
    short = round(length * (7 * group * of_router + 4 * last) / (10 * group * of_router + 4 * last))
    return pd.DataFrame(
        [
            arm("oldest first, later", grown, lambda seed: first(0, 0, 1, 2)),
            arm("newest first", grown, lambda seed: [(), (), range(group, 2 * group), range(group, 3 * group)]),
            arm("at random", grown, at_random),
            arm("never trained", whole, lambda seed: [range(every - kept)] * _GROUPS),
            arm("without growth", whole, lambda seed: halving),
            arm("stopped early", grown, lambda seed: none, length=short),
            arm("none frozen", grown, lambda seed: none, OTHER),
            arm("oldest first, last", grown, lambda seed: first(0, 0, 0, 1), OTHER),
            arm("oldest first, at once", grown, lambda seed: first(0, 1, 2, 3), OTHER),
            arm("front stage first", grown, lambda seed: none, OTHER, (0, 0, 1, 1)),
        ]
    )


def check_equal(table: pd.DataFrame) -> pd.DataFrame:
    """The arms with "updates", trained edges times steps in percent of those where none is frozen.

    Raises:
        ValueError: an arm that claims equal updates has others.
    """
    work = table.set_index("arm")["edge_steps"]
    off = table["edge_steps"] - work["oldest first, later"]
    wrong = table[(table["claim"] == EQUAL) & (off.abs() > table["allowed"])]
    if len(wrong):
        raise ValueError(f"arms must have equal updates, these do not: {wrong['arm'].tolist()}")
    return table.assign(updates=100 * table["edge_steps"] / work["none frozen"])


def savings(table: pd.DataFrame, records: pd.DataFrame, costs: Mapping[str, float]) -> pd.DataFrame:
    """What freezing saves in updates, which are as many writes of a weight on a machine that updates for each sample.

    Args:
        table: of `check_equal`.
        records: runs of these arms.
        costs: picojoules of "sram_access", "float_multiply" and "float_add".

    Returns:
        "arm", "claim", "frozen_share" (of the middle routers in the end), "updates" (percent of those where none is
        frozen), "saved_updates" (of a training), "saved_joules" (each reads and writes a weight, multiplies and adds).
    """
    counted = records.groupby("arm")["updates_by_phase"].first().str[-1]
    most = counted["none frozen"]
    saved = [int(most - counted[arm]) for arm in table["arm"]]
    joules = 1e-12 * (2 * costs["sram_access"] + costs["float_multiply"] + costs["float_add"])
    return pd.DataFrame(
        {
            "arm": table["arm"],
            "claim": table["claim"],
            "frozen_share": [_frozen_share(records[records["arm"] == arm].iloc[0]) for arm in table["arm"]],
            "updates": [100 * counted[arm] / most for arm in table["arm"]],
            "saved_updates": saved,
            "saved_joules": [joules * count for count in saved],
        }
    )


def _frozen_share(run: pd.Series) -> float:
    ended = run["phases"][-1]
    return len(ended["frozen"]) / ended["middle_routers"]

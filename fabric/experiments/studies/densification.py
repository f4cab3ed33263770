"""A cascade that gains middle routers while it trains, at equal operations (notebook 31_densification)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from fabric._checks import sequence
from fabric.experiments.growing import (
    GrowingConfig,
    MaskedGrowthConfig,
    Phase,
    train_growing,
    train_masked,
)
from fabric.experiments.runs import Measured, Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import not_empty, positive_each
from fabric.topology import clos

Config = GrowingConfig | MaskedGrowthConfig
Arm = Callable[[str, float, int, int], Config]  # dataset, rate, seed, held out → configuration

MORE, EQUAL, FEWER = "more operations", "equal operations", "fewer operations"
NARROW = "narrow dense"


def arms(
    cascade: Sequence[int], middle_routers: Sequence[int], steps: int, batch_size: int, classes: int = 10
) -> pd.DataFrame:
    """Every way to train, the grown cascade first, and the narrow dense network of `narrow`.

    Args:
        cascade: (I, O, R_i, R_o).
        middle_routers: of the grown cascade in its phases, which are equally long; their mean is an integer.
        steps: of the grown cascade in all, a multiple of the phases and even.
        batch_size: of all.
        classes: outputs of the last layer.

    Returns:
        "arm", "claim" (`MORE`, `EQUAL` or `FEWER` operations than the grown one), "edge_steps" (edges times steps),
        "allowed" (how far an arm with equal operations may be off: half the edges of a step) and "make".

    Raises:
        ValueError: steps or routers that cannot be shared out.
    """
    routers = [int(count) for count in sequence("middle_routers", middle_routers, "numbers of routers")]
    phases = len(routers)
    mean, rest = divmod(sum(routers), phases)
    if rest or 2 * mean != routers[0] + routers[-1]:
        raise ValueError(f"middle_routers must have the mean of the first and the last, an integer, got {routers}")
    if steps % (2 * phases):
        raise ValueError(f"steps must be a multiple of {2 * phases}, twice the phases, got {steps}")
    inputs, outputs, input_routers, output_routers = cascade
    least, most = routers[0], routers[-1]

    def edges(count: int) -> int:
        layer = clos(inputs, outputs, input_routers, count, output_routers).parameters
        return layer + outputs * classes

    def clos_arm(name: str, claim: str, plan: Sequence[tuple[int, int]], restart: bool = False) -> dict[str, Any]:
        parts = tuple(Phase(count, length) for count, length in plan)

        def make(dataset: str, rate: float, seed: int, held_out: int) -> Config:
            return GrowingConfig(
                dataset,
                (inputs, outputs, input_routers, output_routers),
                parts,
                batch_size,
                rate,
                seed,
                restart,
                held_out,
            )

        work = sum(edges(count) * length for count, length in plan)
        return {"arm": name, "claim": claim, "edge_steps": work, "allowed": edges(plan[-1][0]) / 2, "make": make}

    def sparse_arm(name: str, criterion: str) -> dict[str, Any]:
        plan = tuple((edges(count) - outputs * classes, steps // phases) for count in routers)

        def make(dataset: str, rate: float, seed: int, held_out: int) -> Config:
            return MaskedGrowthConfig(dataset, outputs, plan, criterion, batch_size, rate, seed, held_out)

        work = sum((each + outputs * classes) * length for each, length in plan)
        return {"arm": name, "claim": EQUAL, "edge_steps": work, "allowed": 0.0, "make": make}

    def same_work(count: int) -> list[tuple[int, int]]:
        return [(count, round(steps * edges(mean) / edges(count)))]

    grown, level = [(count, steps // phases) for count in routers], [(mean, steps // phases)] * phases
    return pd.DataFrame(
        [
            clos_arm("grown", EQUAL, grown),
            clos_arm("grown, restarts", EQUAL, grown, restart=True),
            clos_arm("late jump", EQUAL, [(least, steps // 2), (most, steps // 2)]),
            clos_arm("constant", EQUAL, [(mean, steps)]),
            clos_arm("constant, restarts", EQUAL, level, restart=True),
            clos_arm("smallest, longer", EQUAL, same_work(least)),
            clos_arm("largest, shorter", EQUAL, same_work(most)),
            clos_arm("smallest", FEWER, [(least, steps)]),
            clos_arm("largest", MORE, [(most, steps)]),
            sparse_arm("random sparse, grown by gradient", "gradient"),
            sparse_arm("random sparse, grown at random", "random"),
            narrow(cascade, most, steps, batch_size, classes),
        ]
    )


def narrow(
    cascade: Sequence[int], middle_routers: int, steps: int, batch_size: int, classes: int = 10
) -> dict[str, Any]:
    """The dense network of one hidden level that has as many weights as a cascade, or just fewer; a row of `arms`.

    Args:
        cascade, steps, batch_size, classes: as in `arms`.
        middle_routers: of the cascade.
    """
    inputs, outputs, input_routers, output_routers = cascade
    weights = clos(inputs, outputs, input_routers, middle_routers, output_routers).parameters + outputs * classes
    width = weights // (inputs + classes)

    def make(dataset: str, rate: float, seed: int, held_out: int) -> Config:
        whole = ((inputs * width, steps),)  # every edge that there can be
        return MaskedGrowthConfig(dataset, width, whole, "random", batch_size, rate, seed, held_out)

    work = width * (inputs + classes) * steps
    return {"arm": NARROW, "claim": MORE, "edge_steps": work, "allowed": 0.0, "make": make}


def check_equal(table: pd.DataFrame) -> pd.DataFrame:
    """The arms with "off", how far their edges times steps are from the grown one's, in percent of these.

    Raises:
        ValueError: an arm is not what its claim says.
    """
    work = table["edge_steps"].iloc[0]
    off = table["edge_steps"] - work
    right = {EQUAL: abs(off) <= table["allowed"], MORE: off > 0, FEWER: off < 0}
    holds = [right[claim][row] for row, claim in table["claim"].items()]
    if not all(holds):
        wrong = table.loc[[not each for each in holds], ["arm", "claim"]].to_dict("records")
        raise ValueError(f"arms must spend what they claim, these do not: {wrong}")
    return table.assign(off=100 * off / work)


def train(config: Config) -> Measured:
    """The record of a run."""
    return train_masked(config) if isinstance(config, MaskedGrowthConfig) else train_growing(config)


def choose_rates(
    results: Results, table: pd.DataFrame, datasets: Sequence[str], rates: Sequence[float], held_out: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For every arm and data set the rate that is best on samples set aside, with one seed and the same steps.

    Returns:
        "arm", "dataset", "learning_rate" and the columns of `table`; and all trials with "held_out_accuracy", "chosen".
    """
    not_empty(datasets=datasets, rates=rates)
    trials = table.merge(pd.DataFrame({"dataset": datasets}), how="cross")
    trials = trials.merge(pd.DataFrame({"learning_rate": rates}), how="cross")
    configs = [row.make(row.dataset, row.learning_rate, 0, held_out) for row in trials.itertuples()]
    trials["held_out_accuracy"] = results.sweep(train, configs, "learning rates")["accuracy"].to_numpy()
    best = trials.groupby(["dataset", "arm"])["held_out_accuracy"].idxmax()
    trials["chosen"] = trials.index.isin(best)
    return trials[trials["chosen"]].drop(columns=["held_out_accuracy", "chosen"]), trials


def run(results: Results, chosen: pd.DataFrame, seeds: Mapping[str, int]) -> pd.DataFrame:
    """Train every chosen row with seeds 0, 1, ..., as many as `seeds` says for its data set.

    Returns:
        A row for each run: "dataset", "arm", "claim", "seed" and what the run measures.
    """
    positive_each(seeds=seeds)
    rows = [row | {"seed": seed} for row in chosen.to_dict("records") for seed in range(seeds[row["dataset"]])]
    rows.sort(key=lambda row: row["seed"])
    configs = [row["make"](row["dataset"], row["learning_rate"], row["seed"], 0) for row in rows]
    records = results.sweep(train, configs)
    return records.assign(arm=[row["arm"] for row in rows], claim=[row["claim"] for row in rows])


def accuracies(records: pd.DataFrame) -> pd.DataFrame:
    """Per data set and arm: "claim", "weights" and "operations" at the end, "accuracy" with its interval, "seeds"."""
    ended = records.assign(operations=records["operations_by_phase"].str[-1])
    return summarise(ended, ["dataset", "arm", "claim", "weights", "operations"], "accuracy")


def differences(records: pd.DataFrame, arm: str = "grown") -> pd.DataFrame:
    """Accuracy of an arm minus every other's, percentage points, paired by seed, with the interval of the mean.

    Returns:
        "dataset", "arm" (the other), "difference", "low", "high", "seeds".
    """
    by_arm = records.pivot(index=["dataset", "seed"], columns="arm", values="accuracy")
    gaps = by_arm.drop(columns=arm).rsub(by_arm[arm], axis=0) * 100
    long = gaps.reset_index().melt(["dataset", "seed"], var_name="arm", value_name="difference")
    return summarise(long, ["dataset", "arm"], "difference")


def growth_steps(records: pd.DataFrame) -> pd.DataFrame:
    """What growing changed at once: "dataset", "arm", "phase", "change" (largest of an output over all runs)."""
    grown = records[records["change_by_phase"].notna()]
    steps = grown[["dataset", "arm", "change_by_phase"]].explode("change_by_phase")
    steps["phase"] = steps.groupby(level=0).cumcount()
    steps = steps[steps["phase"] > 0].rename(columns={"change_by_phase": "change"}).astype({"change": float})
    return steps.groupby(["dataset", "arm", "phase"], as_index=False)["change"].max()

"""Which ways to learn together are compared, and what they reach after how many rounds and bytes."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fabric.experiments.networks import Layer, Network, weights
from fabric.experiments.runs import Results
from fabric.experiments.statements import Verdict, at_most, exactly, interval, summarise
from fabric.experiments.studies._parameters import not_empty, positive_each
from fabric.experiments.studies.federated._average import FLOAT_BITS, FederatedConfig, federate


def arms(features: int, hidden: int, cascades: Sequence[Sequence[int]], narrow: int, bits: int) -> pd.DataFrame:
    """Networks of two hidden layers, and what their clients send.

    Args:
        features, hidden: of the dense network; ten classes.
        cascades: (I, O, R_i, R_m, R_o) in the place of the two hidden layers.
        narrow: hidden neurons of the narrow dense network.
        bits: of a number where fewer than 32 are sent.

    Returns:
        "arm", a name in `LOOKS`, "network", "density", "sent", "bits" and "cheap", whether its training takes less than
        the dense network's.
    """
    last = Layer("dense", (hidden, 10))
    clos = (*(Layer("clos", tuple(cascade)) for cascade in cascades), last)
    share = weights(clos) / weights(_dense(features, hidden))
    rows = [
        ("dense", _dense(features, hidden), 1.0, 1.0, FLOAT_BITS, False),
        ("clos", clos, 1.0, 1.0, FLOAT_BITS, True),
        ("narrow dense", _dense(features, narrow), 1.0, 1.0, FLOAT_BITS, True),
        ("random_sparse", _dense(features, hidden), share, 1.0, FLOAT_BITS, False),
        ("structured update", _dense(features, hidden), 1.0, share, FLOAT_BITS, False),
        (f"Clos, {bits} bits", clos, 1.0, 1.0, bits, True),
    ]
    return pd.DataFrame(rows, columns=["arm", "network", "density", "sent", "bits", "cheap"])


def _dense(features: int, hidden: int) -> Network:
    return tuple(Layer("dense", pair) for pair in ((features, hidden), (hidden, hidden), (hidden, 10)))


def choose_rates(
    results: Results,
    table: pd.DataFrame,
    kinds: Sequence[str],
    rates: Sequence[float],
    dataset: str,
    clients: Sequence[int],
    batch_size: int,
    rounds: int,
    held_out: int,
) -> pd.DataFrame:
    """For every arm and partition the rate with the best held-out accuracy in the last third of a few rounds, one seed.

    Args:
        clients: in all, and of a round.

    Returns:
        All trials: the rows of `table` with "kind", "learning_rate", "held_out_accuracy" and "chosen".
    """
    not_empty(kinds=kinds, rates=rates)
    trials = table.merge(pd.DataFrame({"kind": kinds}), how="cross")
    trials = trials.merge(pd.DataFrame({"learning_rate": rates}), how="cross")
    short = trials.assign(rounds=rounds, seed=0)
    records = results.sweep(federate, _configs(short, dataset, clients, batch_size, held_out), "learning rates")
    tail = -(-rounds // 3)
    trials["held_out_accuracy"] = [float(np.mean(curve[-tail:])) for curve in records["accuracy_by_round"]]
    return trials.assign(chosen=trials.index.isin(trials.groupby(["kind", "arm"])["held_out_accuracy"].idxmax()))


def run(
    results: Results,
    trials: pd.DataFrame,
    dataset: str,
    clients: Sequence[int],
    batch_size: int,
    rounds: Mapping[str, tuple[int, int]],
    seeds: Mapping[str, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every arm at its chosen rate with seeds 0, 1, ..., as many as `seeds` says for its partition.

    A few rounds do not show every rate that is too large. So a rate at which any run diverges is given up for all seeds
    of the arm and partition, and the next lower one that was tried takes its place.

    Args:
        trials: of `choose_rates`.
        rounds: by partition, of what takes as much training as the dense network and of what is cheap.

    Returns:
        "arm", "kind", "seed" and what the run measures; `trials` with the rates of these runs as "chosen", and
        "diverged" where a rate was given up.

    Raises:
        ValueError: an arm diverges at the lowest rate too.
    """
    positive_each(seeds=seeds)
    drawn = pd.DataFrame([(kind, seed) for kind, count in seeds.items() for seed in range(count)])
    drawn = drawn.set_axis(["kind", "seed"], axis=1)
    trials = trials.assign(diverged=False)
    while True:
        rows = trials[trials["chosen"]].merge(drawn, on="kind").sort_values("seed", kind="stable")
        rows["rounds"] = [rounds[row.kind][row.cheap] for row in rows.itertuples()]
        records = results.sweep(federate, _configs(rows, dataset, clients, batch_size, 0), "federated runs")
        records = records.assign(arm=rows["arm"].to_numpy())
        too_fast = records[[diverges(curve) for curve in records["accuracy_by_round"]]]
        if too_fast.empty:
            return records, trials
        for kind, arm, rate in set(zip(too_fast["kind"], too_fast["arm"], too_fast["learning_rate"], strict=True)):
            own = trials[(trials["kind"] == kind) & (trials["arm"] == arm)]
            lower = own[own["learning_rate"] < rate]["learning_rate"]
            if lower.empty:
                raise ValueError(f"learning_rates must have one at which {arm} ({kind}) trains, the lowest is {rate}")
            trials.loc[own.index[own["learning_rate"] == rate], "diverged"] = True
            trials.loc[own.index, "chosen"] = own["learning_rate"] == lower.max()


def diverges(accuracies: Sequence[float]) -> bool:
    """Whether a run ends below half of the best accuracy that it has had."""
    return 2 * accuracies[-1] < max(accuracies)


def _configs(
    rows: pd.DataFrame, dataset: str, clients: Sequence[int], batch_size: int, held_out: int
) -> list[FederatedConfig]:
    every, of_round = clients
    return [
        FederatedConfig(
            dataset, row.network, every, row.kind, of_round, batch_size, row.rounds, row.learning_rate, row.seed,
            row.density, row.sent, row.bits, held_out,
        )
        for row in rows.itertuples()
    ]  # fmt: skip


def curves(records: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and round: "kind", "arm", "seed", "round", "accuracy", its largest value so far as "best", and
    "uploaded", the bytes that all clients have sent up to the round's end."""
    parts = []
    for row in records.itertuples():
        reached = np.asarray(row.accuracy_by_round)
        number = np.arange(1, len(reached) + 1)
        parts.append(
            pd.DataFrame(
                {"kind": row.kind, "arm": row.arm, "seed": row.seed, "round": number, "accuracy": reached}
                | {"best": np.maximum.accumulate(reached), "uploaded": number * row.chosen * row.upload_bytes}
            )
        )
    return pd.concat(parts, ignore_index=True)


def rounds_to(best: Sequence[float], target: float) -> float:
    """Rounds after which a curve that never falls reaches the target, interpolated between rounds; nan if it does not.

    Before the first round the curve is taken to be at zero, as McMahan and others do not say where it begins.
    """
    if len(best) == 0 or best[-1] < target:
        return float("nan")
    after = int(np.searchsorted(best, target))
    low = best[after - 1] if after else 0.0
    return after + (target - low) / (best[after] - low)


def in_rounds(claim: str, runs: pd.DataFrame, target: float) -> Verdict:
    """Verdict on a printed number of rounds to an accuracy; fewer are better, undecided if a run never arrives.

    Args:
        claim: an entry with the printed number.
        runs: the records of one arm and partition.
        target: accuracy, a fraction.
    """
    taken = [rounds_to(np.maximum.accumulate(reached).tolist(), target) for reached in runs["accuracy_by_round"]]
    bounds = interval(taken) if len(taken) > 1 else exactly(taken[0])
    arrived = np.count_nonzero(~np.isnan(taken))
    reason = f"{arrived} of {len(taken)} runs arrived, which stopped after {runs['rounds'].iloc[0]} rounds."
    return at_most(claim, bounds.mean, reason, (bounds.low, bounds.high))


def targets_table(records: pd.DataFrame, targets: Sequence[float]) -> pd.DataFrame:
    """For every partition, arm and target the mean over seeds of rounds and bytes that it takes to get there.

    Returns:
        "kind", "arm", "target", "weights", "upload_bytes", "reached" and "seeds" (runs), "rounds" and "megabytes"
        (means over all runs, nan if one did not arrive), "stopped" (rounds after which a run was given up).
    """
    rows = []
    steps = curves(records)
    for (kind, arm), runs in records.groupby(["kind", "arm"], sort=False):
        own = steps[(steps["kind"] == kind) & (steps["arm"] == arm)]
        for target in targets:
            taken = np.array([rounds_to(curve["best"].to_numpy(), target) for _, curve in own.groupby("seed")])
            arrived = taken[~np.isnan(taken)]
            mean = float(taken.mean())  # nan as soon as one did not arrive
            first = runs.iloc[0]
            rows.append(
                {"kind": kind, "arm": arm, "target": target, "weights": first["weights"]}
                | {"upload_bytes": first["upload_bytes"], "reached": len(arrived), "seeds": len(taken), "rounds": mean}
                | {"megabytes": mean * first["chosen"] * first["upload_bytes"] / 1e6, "stopped": first["rounds"]}
            )
    return pd.DataFrame(rows)


def at_equal_bytes(records: pd.DataFrame) -> pd.DataFrame:
    """The best accuracy so far where every arm has uploaded as much as the thriftiest has at its end.

    Returns:
        "kind", "arm", "megabytes", "rounds" (whole ones within them), "accuracy", "low", "high", "seeds".
    """
    parts = []
    for kind, steps in curves(records).groupby("kind"):
        allowed = steps.groupby(["arm", "seed"])["uploaded"].max().min()
        within = steps[steps["uploaded"] <= allowed]
        last = within.groupby(["arm", "seed"], as_index=False).agg(rounds=("round", "max"), accuracy=("best", "max"))
        table = summarise(last, ["arm", "rounds"], "accuracy")
        parts.append(table.assign(kind=kind, megabytes=allowed / 1e6))
    return pd.concat(parts, ignore_index=True)


def mean_curves(steps: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds: "kind", "arm", "round", "uploaded", "best"."""
    return steps.groupby(["kind", "arm", "round", "uploaded"], as_index=False)["best"].mean()


def equal_uploads(records: pd.DataFrame, compared: Sequence[str], allowed: float) -> bool:
    """Whether the uploads of a client and round differ by no more than this share among some arms."""
    sizes = records[records["arm"].isin(compared)].groupby("arm")["upload_bytes"].first()
    pairs = itertools.combinations([float(sizes[arm]) for arm in compared], 2)
    return all(abs(one - other) <= allowed * max(one, other) for one, other in pairs)

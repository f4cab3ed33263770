"""The training machine's cascade gains middle routers between epochs (notebook 31_densification)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.batchless import Cascade, FixedPointConfig
from fabric.experiments.growing import ChipGrowthConfig, train_growing_chip
from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.hardware import FixedPoint

FORMAT = FixedPoint(9, 12, 5, 8, 11, 8)  # that of notebook 17


def grow_on_machine(
    results: Results,
    dataset: str,
    cascades: Sequence[Cascade],
    middle_routers: Sequence[int],
    rates: Sequence[int],
    seeds: int,
) -> pd.DataFrame:
    """Train with the golden model: the grown cascade, the constant one of as many updates, the smallest, the largest.

    Args:
        dataset: what is learnt.
        cascades: the first one has the middle routers of the end.
        middle_routers: of the grown cascade in each epoch; their mean is an integer.
        rates: of each epoch.
        seeds: 0, 1, ...

    Returns:
        "arm", "middle_routers", "updates", "cycles" and "changed" as `train_growing_chip` measures them, "accuracy"
        with its interval "low" and "high", "seeds".

    Raises:
        ValueError: middle routers whose mean is no integer.
    """
    not_empty(cascades=cascades, middle_routers=middle_routers, rates=rates)
    positive(seeds=seeds)
    epochs = len(middle_routers)
    mean, rest = divmod(sum(middle_routers), epochs)
    if rest:
        raise ValueError(f"middle_routers must have an integer as their mean, got {list(middle_routers)}")
    least, most = middle_routers[0], middle_routers[-1]
    plans = {
        "grown": middle_routers,
        "constant": [mean] * epochs,
        "smallest": [least] * epochs,
        "largest": [most] * epochs,
    }
    rows, configs = [], []
    for arm, plan in plans.items():
        inputs, outputs, input_routers, _, output_routers = cascades[0]
        first = (inputs, outputs, input_routers, plan[-1], output_routers)
        network = (first, *(tuple(cascade) for cascade in cascades[1:]))
        for seed in range(seeds):
            training = FixedPointConfig(dataset, network, FORMAT, (0,) * (3 * len(network)), tuple(rates), seed)
            configs.append(ChipGrowthConfig(training, tuple(plan)))
            rows.append({"arm": arm, "middle_routers": ", ".join(map(str, plan))})
    records = results.sweep(train_growing_chip, configs, "on the machine")
    measured = pd.DataFrame(rows).join(records[["updates", "cycles", "changed", "accuracy"]])
    return summarise(measured, ["arm", "middle_routers", "updates", "cycles", "changed"], "accuracy")

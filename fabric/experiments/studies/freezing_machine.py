"""Phases of the training machine's cascades are frozen between epochs (notebook 32_calcification)."""

from collections.abc import Sequence

import pandas as pd

from fabric.experiments.batchless import Cascade, FixedPointConfig
from fabric.experiments.machines.freezing import FreezingConfig, train_freezing
from fabric.experiments.runs import Results
from fabric.experiments.statements import summarise
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.growing_machine import FORMAT
from fabric.hardware.verilog.rtl import sources_hash

_COUNTED = ["updates", "update_cycles", "predicted_cycles", "writes", "cycles", "changed"]


def freeze_on_machine(
    results: Results, dataset: str, cascades: Sequence[Cascade], rates: Sequence[int], samples: int, seeds: int
) -> pd.DataFrame:
    """Train the simulated machine and its golden model; phases are frozen at half time, one by one, from the start.

    Args:
        dataset: what is learnt.
        cascades: two Clos cascades, six phases.
        rates: of each epoch, an even number of them.
        samples: of an epoch.
        seeds: 0, 1, ...

    Returns:
        "arm", what `train_freezing` counts, "saved_updates" and "saved_writes" (percent of those with nothing frozen),
        "identical" (in all seeds), "accuracy" with its interval "low" and "high", "seeds".

    Raises:
        ValueError: other numbers of cascades or epochs.
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    epochs, phases = len(rates), range(3 * len(cascades))
    if len(cascades) != 2 or epochs % 2:
        raise ValueError(f"cascades must be two and rates an even number, got {len(cascades)} and {epochs}")
    front, back, half = tuple(phases[:3]), tuple(phases[3:]), epochs // 2
    plans: dict[str, list[tuple[int, ...]]] = {
        "none frozen": [()] * epochs,
        "first cascade, second half": [()] * half + [front] * half,
        "second cascade, second half": [()] * half + [back] * half,
        "phase by phase, inputs first": [tuple(phases[: len(phases) * epoch // epochs]) for epoch in range(epochs)],
        "first cascade, never trained": [front] * epochs,
    }
    network, scales = tuple(tuple(cascade) for cascade in cascades), (0,) * len(phases)
    sources = sources_hash("fabric_machine")
    rows, configs = [], []
    for arm, plan in plans.items():
        for seed in range(seeds):
            training = FixedPointConfig(dataset, network, FORMAT, scales, tuple(rates), seed)
            configs.append(FreezingConfig(training, tuple(plan), samples, sources))
            rows.append({"arm": arm})
    records = results.sweep(train_freezing, configs, "on the machine")
    measured = pd.DataFrame(rows).join(records[[*_COUNTED, "identical", "accuracy"]])
    measured["identical"] = measured.groupby("arm")["identical"].transform("all")
    for kind in ("updates", "writes"):
        measured[f"saved_{kind}"] = 100 * (1 - measured[kind] / measured[kind].max())
    return summarise(measured, ["arm", *_COUNTED, "saved_updates", "saved_writes", "identical"], "accuracy")

"""How many times faster than `torch.nn.Linear` a layer is in every way that we know: the measurement of notebook 24.

Run with `make bench`. One thread, float32; ratios of processor times within one run. The strongest dense product is the
faster of `torch.nn.Linear` and oneDNN. Nothing here is asserted: times belong to a machine.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from tqdm import tqdm

from fabric.experiments.runs import Measured, RunConfig, record_of
from fabric.experiments.studies import speed

CASCADES = [
    (1024, 1024, 32, 32, 32),
    (1024, 256, 32, 16, 32),
    (1024, 256, 32, 8, 32),
    (1024, 256, 16, 8, 16),
    (1024, 256, 16, 5, 16),
    (768, 3072, 32, 24, 48),
]
BATCHES = (1, 8, 32, 256, 2048)
COUNTED = ["fewer", "than strongest", "µs", "GFLOP/s"]


def measured_anew(run: Callable[[Any], Measured], configs: Sequence[RunConfig], title: str) -> pd.DataFrame:
    """Records of runs that no store keeps."""
    return pd.DataFrame([record_of(run, config) for config in tqdm(configs, desc=title, leave=False)])


def wide(speeds: pd.DataFrame, passes: str) -> pd.DataFrame:
    """A row for each layer and batch size: how much faster each way is, and more about the cascade."""
    rows = speeds[speeds["passes"] == passes]
    faster = rows.pivot(index=["layer", "batch"], columns="way", values="faster")
    faster = faster[[way for way in dict.fromkeys(rows["way"]) if way != "dense"]]
    clos = rows[rows["way"] == "Clos"].set_index(["layer", "batch"])
    clos = clos.assign(**{"µs": 1e6 * clos["seconds"], "GFLOP/s": clos["rate"] / 1e9})
    return faster.join(clos.rename(columns={"than_strongest": "than strongest"})[COUNTED]).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="in which all ways take turns")
    parser.add_argument(
        "--cascade", type=int, nargs=5, action="append", metavar=("I", "O", "Ri", "Rm", "Ro"), help="instead of six"
    )
    arguments = parser.parse_args()
    described = [(cascade, "float32", BATCHES, ()) for cascade in arguments.cascade or CASCADES]
    times, limits = speed.layers(measured_anew, described, arguments.rounds, seconds=0.01)
    speeds = speed.speeds(times)
    print(
        f"Peak of the core: {limits['peak'].median() / 1e9:.0f} GFLOP/s. Clos: {', '.join(times['backend'].unique())}."
    )
    for passes, title in (("forward", "forward"), ("both", "forward and backward")):
        print(f"\nTimes faster than torch.nn.Linear, one thread, {title}; last columns of the Clos cascade:")
        print(wide(speeds, passes).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()

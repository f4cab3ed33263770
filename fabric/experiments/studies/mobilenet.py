"""MobileNet ten times smaller: what makes its cascades train, and what they lose (27_mobilenet)."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fabric.experiments.networks import MobileNet
from fabric.experiments.runs import Results
from fabric.experiments.studies import convolution_counts
from fabric.experiments.studies._parameters import positive, positive_each
from fabric.experiments.training import FitConfig, ImageConfig, fit_dense, train_images

CLAIMED = 10.0
_MOST = 8  # times the narrower side: how wide hidden levels may be at little compression
Recipe = Mapping[str, Any]


def networks(ratios: Sequence[float], image: tuple[int, int]) -> pd.DataFrame:
    """The dense MobileNet, and at each compression the Clos network with the widest hidden levels that reaches it, the
    two-level one at the last of them, and the dense network of as many parameters as Clos.

    Returns:
        "arm" ("dense", "Clos 10×", "narrow 10×", ...), "family" (of `fabric.topology`, "dense" for both kinds),
        "ratio" (asked for; 1 for dense), "parameters", "compression", "hidden" (relative width of the hidden levels, or
        the width of the narrow network) and "network".
    """
    full = MobileNet(image=image)
    total = parameters(full)
    rows: list[dict[str, Any]] = [{"arm": "dense", "family": "dense", "ratio": 1.0, "hidden": 1.0, "network": full}]
    rules = {"Clos": ("clos", convolution_counts.cheapest_clos)}
    for ratio in ratios:
        if ratio == max(ratios):
            rules["two-level"] = ("multistage_clos", convolution_counts.cheapest_two_level)
        for name, (family, rule) in rules.items():
            hidden = convolution_counts.widest(rule, ratio, _MOST)
            network = MobileNet(1.0, convolution_counts.pointwise(rule, hidden), image=image)
            rows.append(
                {"arm": f"{name} {ratio:g}×", "family": family, "ratio": ratio, "hidden": hidden, "network": network}
            )
        clos = parameters(next(row["network"] for row in reversed(rows) if row["family"] == "clos"))
        width = float(convolution_counts.rivals(clos).set_index("rival").loc["narrow dense", "setting"])
        narrow = MobileNet(width, image=image)
        rows.append(
            {"arm": f"narrow {ratio:g}×", "family": "dense", "ratio": ratio, "hidden": width, "network": narrow}
        )
    table = pd.DataFrame(rows)
    table["parameters"] = [parameters(network) for network in table["network"]]
    return table.assign(compression=total / table["parameters"])


def parameters(network: MobileNet) -> int:
    """Trainable numbers of a network."""
    return sum(count.parameters for count in network.counts())


def pilot(
    results: Results, table: pd.DataFrame, base: Recipe, recipes: Mapping[str, Recipe], variants: Mapping[str, Recipe]
) -> pd.DataFrame:
    """What makes a cascade train: held-out accuracies with one thing changed at a time, one seed.

    Args:
        results: where runs are kept.
        table: of `networks`.
        base: fields of `ImageConfig` beside network and seed.
        recipes: changes to `base` by name, tried with the three arms of the verdict.
        variants: changes by name that concern cascades, tried with the Clos network at the largest compression only;
            "residual" adds the inputs to the outputs.

    Returns:
        "arm", "variant", "parameters", "accuracy" (held out, a fraction), "train_loss", "allowed" (whether it has no
        more parameters than the arm), "chosen" (the best that is allowed, of each arm).
    """
    tried = table[table["arm"].isin(verdict_arms(table))]
    trials = [(row, name, recipe) for row in tried.itertuples() for name, recipe in recipes.items()]
    (clos,) = tried[tried["family"] == "clos"].itertuples()
    trials += [(clos, name, recipe) for name, recipe in variants.items()]
    configs = [_config(row.network, base, recipe, 0) for row, _, recipe in trials]
    records = results.sweep(train_images, configs, title="pilot")
    records["arm"] = [row.arm for row, _, _ in trials]
    records["variant"] = [name for _, name, _ in trials]
    records["allowed"] = records["parameters"].to_numpy() <= [row.parameters for row, _, _ in trials]
    records["allowed"] |= records["parameters"].to_numpy() == records["arm"].map(table.set_index("arm")["parameters"])
    best = records[records["allowed"]].groupby("arm")["accuracy"].idxmax()
    records["chosen"] = records.index.isin(best)
    return records[["arm", "variant", "parameters", "accuracy", "train_loss", "allowed", "chosen", "path"]]


def train(
    results: Results,
    table: pd.DataFrame,
    pilots: pd.DataFrame,
    base: Recipe,
    recipes: Mapping[str, Recipe],
    epochs: Sequence[int],
    seeds: Mapping[str, int],
) -> pd.DataFrame:
    """Train the networks with what the pilot chose, on the test part.

    Args:
        results: where runs are kept.
        table: of `networks`; cascades take the choice of Clos at the largest compression, narrow networks theirs.
        pilots: of `pilot`.
        base: as there.
        recipes: all changes by name, variants included.
        epochs: ascending; with all but the last only arms of the verdict are trained: dense, Clos and narrow at the
            largest compression.
        seeds: how many by "verdict" (those arms) and "others".

    Returns:
        A row per run: "arm", "family", "ratio", "compression", "epochs", "seed", "accuracy" (%), "train_loss", "path".
    """
    positive_each(seeds=seeds)
    chosen = pilots[pilots["chosen"]].set_index("arm")["variant"]
    largest = table["ratio"].max()
    trials = []
    for length in epochs:
        for row in table.itertuples():
            tested = row.arm in verdict_arms(table)
            if length != epochs[-1] and not tested:
                continue
            kind = "narrow" if row.arm.startswith("narrow") else "Clos"
            like = row.arm if row.arm in chosen.index else f"{kind} {largest:g}×"
            recipe = {**recipes[chosen[like]], "epochs": length, "held_out": 0}
            trials += [(row, length, seed, recipe) for seed in range(seeds["verdict" if tested else "others"])]
    trials.sort(key=lambda trial: trial[2])  # so that an interrupted sweep holds whole seeds
    configs = [_config(row.network, base, recipe, seed) for row, _, seed, recipe in trials]
    records = results.sweep(train_images, configs, title="long runs")
    for name in ("arm", "family", "ratio", "compression"):
        records[name] = [getattr(row, name) for row, *_ in trials]
    records["accuracy"] *= 100
    columns = ["arm", "family", "ratio", "compression", "parameters", "epochs", "seed", "accuracy", "train_loss"]
    return records[[*columns, "path"]]


def verdict_arms(table: pd.DataFrame) -> tuple[str, str, str]:
    """Dense, Clos and narrow dense at the largest compression."""
    largest = table["ratio"].max()
    return "dense", f"Clos {largest:g}×", f"narrow {largest:g}×"


def fits(
    results: Results,
    table: pd.DataFrame,
    pilots: pd.DataFrame,
    base: Recipe,
    recipes: Mapping[str, Recipe],
    epochs: int,
    sweeps: int,
    seeds: int,
) -> pd.DataFrame:
    """Clos at the largest compression fitted to the trained dense network and trained on; records of `fit_dense`."""
    positive(seeds=seeds)
    chosen = pilots[pilots["chosen"]].set_index("arm")["variant"]
    dense, clos, _ = verdict_arms(table)
    by_arm = table.set_index("arm")["network"]
    configs = []
    for seed in range(seeds):
        training = {arm: {**recipes[chosen[arm]], "epochs": epochs, "held_out": 0} for arm in (dense, clos)}
        further = _config(by_arm[clos], base, training[clos], seed)
        configs.append(
            FitConfig(_config(by_arm[dense], base, training[dense], seed), by_arm[clos].pointwise, sweeps, further)
        )
    return results.sweep(fit_dense, configs, title="fits")


def errors(records: pd.DataFrame) -> pd.DataFrame:
    """Relative errors of the fits, a row per seed and block: "seed", "block", sizes, "clos", "low_rank", "random"."""
    rows = [
        {"seed": seed, "block": block, **{key: value for key, value in layer.items() if "energy" not in key}}
        for seed, layers in enumerate(records["layers"])
        for block, layer in enumerate(layers, start=1)
    ]
    return pd.DataFrame(rows)


def spectra(records: pd.DataFrame, block: int) -> pd.DataFrame:
    """Shares of energy of one block in the first seed: "share" of the singular values, "trained", "random"."""
    layer = records["layers"].iloc[0][block - 1]
    steps = len(layer["energy"])
    shares = [step / steps for step in range(1, steps + 1)]
    return pd.DataFrame({"share": shares, "trained": layer["energy"], "random": layer["random_energy"]})


def _config(network: MobileNet, base: Recipe, changes: Recipe, seed: int) -> ImageConfig:
    settings = {**base, **changes}
    if settings.pop("residual", False):
        network = dataclasses.replace(network, residual=True)
    return ImageConfig(network=network, seed=seed, **settings)

"""A trained GPT converted to fewer weights, healed, and beside it the dense one trained on for as long."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Text, load_text
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Results, Rule, RunConfig, one_thread
from fabric.experiments.statements import Verdict, at_most, interval
from fabric.experiments.studies._parameters import not_empty, positive
from fabric.experiments.studies.transformer._train import (
    CharacterConfig,
    descend,
    linear_layers,
    loss_on,
    training_batches,
)
from fabric.nn import convert, heal
from fabric.nn.models._table import weights

SEEN = 30  # batches whose activations weight the error of the conversion
CHOSEN_ON = 20_000  # characters at the end of the training part, on which rates are compared


@dataclass(frozen=True)
class ConversionConfig(RunConfig):
    """Everything that a run depends on.

    Attributes:
        dense: the model that is trained first.
        fewer: the budget of `convert` is 1 / fewer.
        iterations: of healing, and of training on.
        learning_rates: tried for both; the one that does best on other training text counts.
    """

    recipe: ClassVar[int] = 1

    dense: Annotated[
        CharacterConfig, Rule("a configuration of a dense model", lambda value: value.structure == "dense")
    ]
    fewer: PositiveFloat
    iterations: Positive
    learning_rates: Annotated[tuple[PositiveFloat, ...], Rule("a tuple of at least one rate", bool)]


def convert_characters(config: ConversionConfig) -> Measured:
    """Train, convert, heal; train on. On one thread, with the compiled kernel where it serves.

    Returns:
        "weights" of the converted model and "layer_weights", its linear ones; losses in nats a character of the tested
        text: "dense_loss" before the conversion, "converted_loss" right after it, "healed_loss" and "trained_on_loss";
        "healing_rate" and "further_rate", which counted, None where the model was better before; "kinds", how many
        layers became which structure.

    Raises:
        DataError: a data file is missing or damaged.
    """
    instance("config", config, ConversionConfig)
    base = config.dense
    text = load_text(base.text).hold_out(base.held_out)
    dense = base.build(len(text.characters))
    with one_thread(kernel=True):
        for _ in descend(
            dense, training_batches(text, base, base.iterations, base.seed), base.iterations, base.learning_rate
        ):
            pass
        dense_loss = loss_on(dense, text.test, base.context)
        seen = [x for x, _ in training_batches(text, base, SEEN, base.seed + 1)]
        small, table = convert(dense, 1 / config.fewer, seen, at_least=1)
        converted_loss = loss_on(small, text.test, base.context)
        small_weights, layer_weights = weights(small), sum(map(weights, linear_layers(small)))
        healing_rate, healed = _best(small, config, text, partial(_heal, dense))
        further_rate, further = _best(dense, config, text, _train_on)
    kinds = [str(row["after"]).partition("(")[0] for row in table]
    return {
        "weights": small_weights,
        "layer_weights": layer_weights,
        "dense_loss": dense_loss,
        "converted_loss": converted_loss,
        "healed_loss": loss_on(healed, text.test, base.context),
        "healing_rate": healing_rate,
        "trained_on_loss": loss_on(further, text.test, base.context),
        "further_rate": further_rate,
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }


Improve = Callable[[nn.Module, Text, CharacterConfig, int, float], None]  # of iterations at a rate, in place


def _best(model: nn.Module, config: ConversionConfig, text: Text, improve: Improve) -> tuple[float | None, nn.Module]:
    """The model or an improved copy, whichever has the least loss on some training text; and its rate."""
    tried: list[tuple[float | None, nn.Module]] = [(None, model)]
    for rate in config.learning_rates:
        copy = deepcopy(model).train()
        with suppress(ValueError):  # too high a rate, `heal` has put the copy back
            improve(copy, text, config.dense, config.iterations, rate)
            tried.append((rate, copy))
    some = text.train[-CHOSEN_ON:]
    return min(tried, key=lambda pair: loss_on(pair[1], some, config.dense.context))


def _heal(
    teacher: nn.Module, student: nn.Module, text: Text, base: CharacterConfig, iterations: int, rate: float
) -> None:
    batches = [x for x, _ in training_batches(text, base, iterations, base.seed + 2)]
    heal(student, teacher, batches, lr=rate, loss=_divergence)


def _train_on(model: nn.Module, text: Text, base: CharacterConfig, iterations: int, rate: float) -> None:
    for _ in descend(model, training_batches(text, base, iterations, base.seed + 2), iterations, rate):
        pass


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback and Leibler's, of the next character's distribution."""
    ours, theirs = (torch.log_softmax(logits.flatten(0, -2), -1) for logits in (student, teacher))
    return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def converted(
    results: Results, dense: CharacterConfig, fewer: float, iterations: int, rates: Sequence[float], seeds: int
) -> pd.DataFrame:
    """Train and convert with several seeds.

    Returns:
        A row for each "seed" and "stage" ("dense", "converted", "healed", "trained on"): "weights", "loss" and "kinds",
        how many layers became what.
    """
    not_empty(rates=rates)
    positive(seeds=seeds)
    configs = [ConversionConfig(replace(dense, seed=seed), fewer, iterations, tuple(rates)) for seed in range(seeds)]
    whole = weights(dense.build(len(load_text(dense.text).characters)))
    rows = []
    for seed, record in enumerate(results.sweep(convert_characters, configs, "conversion").to_dict("records")):
        kinds = ", ".join(f"{count} {kind}" for kind, count in record["kinds"].items())
        rows += [
            (seed, "dense", whole, record["dense_loss"], ""),
            (seed, "converted", record["weights"], record["converted_loss"], kinds),
            (seed, "healed", record["weights"], record["healed_loss"], kinds),
            (seed, "trained on", whole, record["trained_on_loss"], ""),
        ]
    return pd.DataFrame(rows, columns=["seed", "stage", "weights", "loss", "kinds"])


def lost(claim: str, stages: pd.DataFrame) -> Verdict:
    """Verdict on what a conversion loses at most: loss healed minus loss dense, by seed; of `converted`."""
    losses = stages.pivot(index="seed", columns="stage", values="loss")
    found = losses["healed"] - losses["dense"]
    bounds = interval(found)
    means = losses.mean()
    reason = (
        f"Losses of {means['dense']:.3f} dense, {means['converted']:.3f} converted, {means['healed']:.3f} healed; the "
        f"dense model trained on for as long has {means['trained on']:.3f}."
    )
    return at_most(claim, bounds.mean, reason, (bounds.low, bounds.high))

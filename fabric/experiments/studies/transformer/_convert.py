"""A trained GPT converted to fewer weights, healed, and beside it the dense one trained on for as long."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import load_text
from fabric.experiments.runs import Measured, Positive, PositiveFloat, Results, Rule, RunConfig, one_thread
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


@dataclass(frozen=True)
class ConversionConfig(RunConfig):
    """Everything that a run depends on.

    Attributes:
        dense: the model that is trained first.
        fewer: the budget of `convert` is 1 / fewer.
        iterations: of healing, and of training on.
        learning_rate: of both.
    """

    recipe: ClassVar[int] = 1

    dense: Annotated[
        CharacterConfig, Rule("a configuration of a dense model", lambda value: value.structure == "dense")
    ]
    fewer: PositiveFloat
    iterations: Positive
    learning_rate: PositiveFloat


def convert_characters(config: ConversionConfig) -> Measured:
    """Train, convert, heal; train on. On one thread, with the compiled kernel where it serves.

    Returns:
        "weights" of the converted model and "layer_weights", its linear ones; losses in nats a character of the tested
        text: "dense_loss" before the conversion, "converted_loss" right after it, "healed_loss" and "trained_on_loss";
        "kinds", how many layers became which structure.

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
        batches = [x for x, _ in training_batches(text, base, config.iterations, base.seed + 2)]
        heal(small.train(), dense, batches, lr=config.learning_rate, loss=_divergence)
        healed_loss = loss_on(small, text.test, base.context)
        further = training_batches(text, base, config.iterations, base.seed + 2)
        for _ in descend(dense, further, config.iterations, config.learning_rate):
            pass
        trained_on_loss = loss_on(dense, text.test, base.context)
    kinds = [str(row["after"]).partition("(")[0] for row in table]
    return {
        "weights": small_weights,
        "layer_weights": layer_weights,
        "dense_loss": dense_loss,
        "converted_loss": converted_loss,
        "healed_loss": healed_loss,
        "trained_on_loss": trained_on_loss,
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback and Leibler's, of the next character's distribution."""
    ours, theirs = (torch.log_softmax(logits.flatten(0, -2), -1) for logits in (student, teacher))
    return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def converted(results: Results, dense: CharacterConfig, fewer: float, iterations: int, rate: float) -> pd.DataFrame:
    """A row for each stage: "stage" ("dense", "converted", "healed", "trained on"), "weights", "loss" and "kinds".

    "kinds" says how many layers became what.
    """
    record = results.sweep(convert_characters, [ConversionConfig(dense, fewer, iterations, rate)], "conversion").iloc[0]
    kinds = ", ".join(f"{count} {kind}" for kind, count in record["kinds"].items())
    whole = weights(dense.build(len(load_text(dense.text).characters)))
    return pd.DataFrame(
        [
            ("dense", whole, record["dense_loss"], ""),
            ("converted", record["weights"], record["converted_loss"], kinds),
            ("healed", record["weights"], record["healed_loss"], kinds),
            ("trained on", whole, record["trained_on_loss"], ""),
        ],
        columns=["stage", "weights", "loss", "kinds"],
    )

"""A wider GPT with the rates that `parameter_groups` carries over from the width at which they were found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pandas as pd

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, Results, RunConfig
from fabric.experiments.studies.transformer._arms import losses
from fabric.experiments.studies.transformer._times import step_times
from fabric.experiments.studies.transformer._train import CharacterConfig, trained


@dataclass(frozen=True)
class CarriedConfig(RunConfig):
    """Everything that a run depends on.

    Attributes:
        wide: the model that is trained; its learning rate was found at another width.
        base_width: that width, a multiple of the heads.
    """

    recipe: ClassVar[int] = 1

    wide: CharacterConfig
    base_width: Positive


def train_carried(config: CarriedConfig) -> Measured:
    """As `train_characters`, with every rate scaled by the inputs of its layer at the base width over those here.

    Raises:
        DataError: a data file is missing or damaged.
    """
    instance("config", config, CarriedConfig)
    return trained(config.wide, config.base_width)


def larger(
    results: Results,
    chosen: Mapping[str, CharacterConfig],
    names: Sequence[str],
    width: int,
    iterations: int,
    timed: tuple[int, int],
) -> pd.DataFrame:
    """Wider models with heads of the same size: a row each, as `losses`.

    Args:
        results: where runs are kept.
        chosen: of `tuned`, all of one width.
        names: of those that are made wider, with a seed each.
        width: a multiple of theirs.
        iterations: steps.
        timed: rounds and steps of `step_times`.
    """
    wider = {
        name: replace(
            chosen[name], width=width, heads=chosen[name].heads * width // chosen[name].width, iterations=iterations
        )
        for name in names
    }
    configs = [CarriedConfig(config, chosen[name].width) for name, config in wider.items()]
    found = results.sweep(train_carried, configs, "larger models")
    rates = [config.learning_rate for config in wider.values()]
    return losses(found.assign(model=names, learning_rate=rates), step_times(results, wider, *timed))

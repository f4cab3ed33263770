"""Music predicted step by step by a GRU: configuration in, nats a step out."""

import copy
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from fabric._checks import instance
from fabric.experiments.data import SequencesName, load_sequences
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_thread
from fabric.experiments.studies.recurrent._batches import bucketed, negative_log_likelihood, per_step
from fabric.experiments.studies.recurrent._network import Gru, GruNetwork

CLIP = 1.0  # norm of a step's gradient
SLOWER = 4  # what the rate is divided by once the held-out part stops to improve
LEVELS = 3  # of the rate

Probability = Annotated[float, Rule("a float from 0 to less than 1", lambda value: 0 <= value < 1)]


@dataclass(frozen=True)
class MusicConfig(RunConfig):
    """Everything that a training run depends on.

    Adam, gradients clipped to norm 1, batches of songs of about the same length. Where the held-out part has not
    improved for `patience` epochs, the best weights are taken up again with a quarter of the rate, twice; then it ends.

    Attributes:
        sequences: a name that `fabric.experiments.data.load_sequences` takes.
        gru: the network, of as many inputs and outputs as the sequences have features.
        learning_rate: of the first epochs.
        dropout: share of the hidden states that the readout misses, and of the inputs, while training.
        batch_size: songs.
        patience: epochs.
        epochs: at most so many.
        seed: of weights, dropout and order of songs.
    """

    recipe: ClassVar[int] = 1

    sequences: SequencesName
    gru: Gru
    learning_rate: PositiveFloat
    dropout: Probability
    batch_size: Positive
    patience: Positive
    epochs: Positive
    seed: Natural


def learn_music(config: MusicConfig) -> Measured:
    """Train on one thread.

    Returns:
        "label", "weights" (without biases), "held_out_nll" (nats a step, the least), "nll" (of the test part, with the
        weights that had it), "held_out_by_epoch".

    Raises:
        ValueError: the network does not fit the sequences.
        DataError: a data file is missing or damaged.
    """
    instance("config", config, MusicConfig)
    songs = load_sequences(config.sequences)
    features = songs.train[0].shape[1]
    if (config.gru.inputs, config.gru.outputs) != (features, features):
        raise ValueError(f"gru must have {features} inputs and outputs, it has {config.gru.inputs, config.gru.outputs}")
    network = GruNetwork(config.gru, config.seed)
    held_out, test = (bucketed(part, 32) for part in (songs.held_out, songs.test))
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    best, kept, since, level = float("inf"), copy.deepcopy(network.state_dict()), 0, 0
    curve: list[float] = []

    def predict(x: Tensor) -> Tensor:
        return network.readout(network(x))

    with one_thread():
        while len(curve) < config.epochs and level < LEVELS:
            for batch in bucketed(songs.train, config.batch_size, generator):
                states = network(_dropped(batch.x, config.dropout, generator))
                logits = network.readout(_dropped(states, config.dropout, generator))
                loss = negative_log_likelihood(logits, batch) / batch.steps
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), CLIP)
                optimizer.step()
            curve.append(per_step(predict, held_out))
            since += 1
            if curve[-1] < best:
                best, kept, since = curve[-1], copy.deepcopy(network.state_dict()), 0
            elif since == config.patience:
                network.load_state_dict(kept)
                level, since = level + 1, 0
                for group in optimizer.param_groups:
                    group["lr"] /= SLOWER
        network.load_state_dict(kept)
        tested = per_step(predict, test)
    return {
        "label": config.gru.label,
        "weights": config.gru.weights,
        "held_out_nll": best,
        "nll": tested,
        "held_out_by_epoch": curve,
    }


def _dropped(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Zeros in the place of a share of the values, the others larger, so that the expectation is kept."""
    if share == 0:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= share) / (1 - share)

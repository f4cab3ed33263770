"""Images read row by row by a GRU: configuration in, accuracy out."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Dataset, DatasetName, accuracy, load
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, RunConfig, one_thread
from fabric.experiments.studies.recurrent._network import Gru, GruNetwork

CLIP = 1.0  # norm of a step's gradient, where it is clipped
_TESTED_AT_ONCE = 500


@dataclass(frozen=True)
class RowsConfig(RunConfig):
    """Everything that a training run depends on.

    An image is a sequence of its rows; the hidden state after the last one is read out. Cross-entropy, Adam, learning
    rate decayed to zero along a cosine.

    Attributes:
        dataset: a name of grey images that `fabric.experiments.data.load` takes.
        samples: the first of the training part, all where there are fewer.
        gru: the network, of as many inputs as a row has pixels.
        epochs, batch_size: as usual; a last batch that is not full is trained on too.
        learning_rate: of the first step.
        seed: of weights and order of samples.
        held_out: 0 to test on the test part; otherwise that many of the training samples are set aside and tested on.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    samples: Positive
    gru: Gru
    epochs: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: Natural = 0


@dataclass(frozen=True)
class SequenceConfig(RowsConfig):
    """As `RowsConfig`, for long sequences of numbers.

    Features are brought to zero mean and unit variance over the training part, and gradients clipped to norm 1.
    """


def classify_rows(config: RowsConfig) -> Measured:
    """Train on one thread.

    Returns:
        "label", "weights" (without biases), "accuracy" after the last epoch (a fraction).

    Raises:
        ValueError: the data are no grey images, or the network does not fit them.
        DataError: data files are missing or damaged.
    """
    instance("config", config, RowsConfig)
    data = load(config.dataset).first(config.samples).hold_out(config.held_out)
    rows = _rows(data)
    data.check_outputs(config.gru.outputs)
    if config.gru.inputs != rows[1]:
        raise ValueError(f"gru must have {rows[1]} inputs, the pixels of a row, it has {config.gru.inputs}")
    network = _LastState(config.gru, config.seed)
    x, y, test_x = data.train_x, data.train_y, data.test_x
    if isinstance(config, SequenceConfig):
        std, mean = torch.std_mean(x)
        x, test_x = (x - mean) / std, (test_x - mean) / std
    x, test_x = x.unflatten(1, rows), test_x.unflatten(1, rows)
    steps = config.epochs * math.ceil(len(y) / config.batch_size)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    order = torch.Generator().manual_seed(config.seed)
    with one_thread():
        for _ in range(config.epochs):
            for batch in torch.randperm(len(y), generator=order).split(config.batch_size):
                loss = functional.cross_entropy(network(x[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                if isinstance(config, SequenceConfig):
                    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
                optimizer.step()
                schedule.step()
        with torch.no_grad():
            logits = torch.cat([network(part) for part in test_x.split(_TESTED_AT_ONCE)])
    return {
        "label": config.gru.label,
        "weights": config.gru.weights,
        "accuracy": accuracy(logits, data.test_y),
    }


class _LastState(GruNetwork):
    def forward(self, x: Tensor) -> Tensor:
        """(batch, rows, pixels) → (batch, outputs)."""
        return self.readout(super().forward(x)[:, -1])


def _rows(data: Dataset) -> tuple[int, int]:
    if data.image is None or data.image[0] != 1:
        raise ValueError(f"dataset must hold grey images, the shape of its images is {data.image}")
    return data.image[1:]

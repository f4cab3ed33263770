"""Tasks that only memory solves: copying and adding (Hochreiter and Schmidhuber 1997), drawn anew for every batch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, RunConfig, one_of, one_thread
from fabric.experiments.studies.recurrent._network import Gru, GruNetwork

SYMBOLS = 8  # to be copied; a ninth is the blank, a tenth asks for the answer
INPUTS = {"copying": SYMBOLS + 2, "adding": 2}
OUTPUTS = {"copying": SYMBOLS, "adding": 1}
CLOSE = 0.04  # how far a sum may be off, as in the paper
CLIP = 1.0  # norm of a step's gradient
BATCH = 64
TESTED = 2048  # sequences

Draw = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class MemoryConfig(RunConfig):
    """Everything that a training run depends on: Adam, gradients clipped to norm 1, cosine decay, batches of 64.

    Attributes:
        task: "copying": `length` symbols out of eight, `length` blanks, and while the network is asked for them again
            `length` times the asking symbol; "adding": `length` pairs of a number from 0 to 1 and a mark, which two of
            them have, one in each half, and the sum of both at the end.
        length: of the task.
        gru: the network; see `INPUTS` and `OUTPUTS` for the sizes it must have.
        steps: batches.
        learning_rate: of the first step.
        seed: of weights and of all sequences.
        held_out: whether the tested sequences are others than those of the final test.
    """

    recipe: ClassVar[int] = 1

    task: Annotated[str, one_of(*INPUTS)]
    length: Positive
    gru: Gru
    steps: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: bool = False


def copying(length: int, batch: int, generator: torch.Generator) -> Draw:
    """x float32 (batch, 3 · length, 10), one-hot; y int64 (batch, length): what the last steps have to say."""
    symbols = torch.randint(SYMBOLS, (batch, length), generator=generator)
    rest = torch.tensor([SYMBOLS] * length + [SYMBOLS + 1] * length).expand(batch, -1)
    return functional.one_hot(torch.cat([symbols, rest], 1), INPUTS["copying"]).float(), symbols


def adding(length: int, batch: int, generator: torch.Generator) -> Draw:
    """x float32 (batch, length, 2), numbers and marks; y float32 (batch, 1), the sum of both marked numbers.

    Raises:
        ValueError: `length` is less than two.
    """
    if length < 2:
        raise ValueError(f"length must be at least 2 for adding, got {length}")
    numbers = torch.rand(batch, length, generator=generator)
    marks = torch.zeros(batch, length)
    for low, high in ((0, length // 2), (length // 2, length)):
        marks.scatter_(1, torch.randint(low, high, (batch, 1), generator=generator), 1.0)
    return torch.stack([numbers, marks], 2), (numbers * marks).sum(1, keepdim=True)


_DRAW = {"copying": copying, "adding": adding}


def remember(config: MemoryConfig) -> Measured:
    """Train on one thread.

    Returns:
        "label", "weights" (without biases); "accuracy": the share of symbols that are copied
        right, or of sums that are off by less than 0.04.

    Raises:
        ValueError: the network or the length does not fit the task.
    """
    instance("config", config, MemoryConfig)
    wanted, given = (INPUTS[config.task], OUTPUTS[config.task]), (config.gru.inputs, config.gru.outputs)
    if given != wanted:
        raise ValueError(f"gru must have {wanted} inputs and outputs for {config.task}, it has {given}")
    draw = _DRAW[config.task]
    network = GruNetwork(config.gru, config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.steps)
    with one_thread():
        for _ in range(config.steps):
            x, y = draw(config.length, BATCH, generator)
            answer = _answers(network, x, y)
            loss = functional.mse_loss(answer, y) if config.task == "adding" else _cross_entropy(answer, y)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            schedule.step()
        tests = torch.Generator().manual_seed(2**32 + config.held_out)  # no seed of a run
        x, y = draw(config.length, TESTED, tests)
        with torch.no_grad():
            answer = _answers(network, x, y)
    right = (answer - y).abs() < CLOSE if config.task == "adding" else answer.argmax(2) == y
    return {
        "label": config.gru.label,
        "weights": config.gru.weights,
        "accuracy": float(right.float().mean()),
    }


def _answers(network: GruNetwork, x: Tensor, y: Tensor) -> Tensor:
    """What the network says in as many last steps as the answer has: (batch, steps, symbols), for a sum (batch, 1)."""
    states = network(x)[:, -y.shape[1] :]
    answers = network.readout(states)
    return answers.squeeze(2) if answers.shape[2] == 1 else answers


def _cross_entropy(logits: Tensor, symbols: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), symbols.flatten())

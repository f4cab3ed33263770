"""Training a small GPT on a text, character by character: a configuration in, the loss out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.data import Text, TextName, load_text
from fabric.experiments.runs import Measured, Natural, Positive, PositiveFloat, Rule, RunConfig, one_of, one_thread
from fabric.experiments.studies.transformer._gpt import Gpt
from fabric.experiments.studies.transformer._structures import STRUCTURES, restructured
from fabric.nn import backend, parameter_groups
from fabric.nn._structured import StructuredLinear
from fabric.nn.models._table import weights

WEIGHT_DECAY, BETAS, CLIPPED = 0.1, (0.9, 0.99), 1.0  # nanoGPT's
WARM, LEAST = 0.05, 0.1  # part of the iterations that the rate rises in; part of it that is left at the end
POINTS = 10  # of the curve of losses
SAMPLED = 128  # blocks of the tested text at each point but the last


@dataclass(frozen=True)
class CharacterConfig(RunConfig):
    """Everything that a run depends on: nanoGPT's recipe without dropout, rates and decays of `parameter_groups`.

    Attributes:
        text: a name that `load_text` takes.
        structure, fewer: of the linear layers, see `restructured`; fewer = 1.0 for "dense".
        width, blocks, heads, context: of the `Gpt`.
        batch_size: blocks of the text in a step.
        iterations: steps.
        learning_rate: of dense matrices, at its highest.
        seed: of connections, weights and the order of blocks.
        held_out: 0 to test on the test part; otherwise that many characters of the training part are set aside and
            tested on.
    """

    recipe: ClassVar[int] = 1

    text: TextName
    structure: Annotated[str, one_of(*STRUCTURES)]
    fewer: Annotated[float, Rule("a float from 1", lambda value: 1 <= value < math.inf)]
    width: Positive
    blocks: Positive
    heads: Positive
    context: Positive
    batch_size: Positive
    iterations: Positive
    learning_rate: PositiveFloat
    seed: Natural
    held_out: Natural = 0

    def build(self, characters: int) -> nn.Module:
        """The model before training."""
        generator = torch.Generator().manual_seed(self.seed)
        model = Gpt(characters, self.width, self.blocks, self.heads, self.context, generator)
        return restructured(model, self.structure, self.fewer, self.seed)


def train_characters(config: CharacterConfig) -> Measured:
    """Train on one thread, with the compiled kernel where it serves.

    Returns:
        "weights" of the model, "layer_weights" of the linear layers in its blocks, "operations" (multiply-accumulates
        a character, padding and attention over the whole context included), "loss" (nats a character of the tested
        text) and "curve", the loss after the iterations "at" on some of its blocks, the last on all.

    Raises:
        DataError: a data file is missing or damaged.
    """
    return trained(instance("config", config, CharacterConfig))


def trained(config: CharacterConfig, base_width: int | None = None) -> Measured:
    """What `train_characters` measures; its rate is meant for a model of another width, if one is given."""
    text = load_text(config.text).hold_out(config.held_out)
    model = config.build(len(text.characters))
    base = None if base_width is None else replace(config, width=base_width).build(len(text.characters))
    at = sorted({max(1, round(config.iterations * point / POINTS)) for point in range(1, POINTS + 1)})
    curve = []
    with one_thread(kernel=True):
        batches = training_batches(text, config, config.iterations, config.seed)
        for done, _ in enumerate(descend(model, batches, config.iterations, config.learning_rate, base), 1):
            if done in at[:-1]:
                curve.append(loss_on(model, text.test, config.context, SAMPLED))
        loss = loss_on(model, text.test, config.context)
    return {
        "weights": weights(model),
        "layer_weights": sum(map(weights, linear_layers(model))),
        "operations": operations(model, config),
        "loss": loss,
        "curve": [*curve, loss],
        "at": at,
    }


def training_batches(text: Text, config: CharacterConfig, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks at random places of the training part and the characters after each of theirs, (batch, context) both."""
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.arange(config.context + 1)
    for _ in range(count):
        starts = torch.randint(len(text.train) - config.context, (config.batch_size, 1), generator=generator)
        blocks = text.train[starts + offsets]
        yield blocks[:, :-1], blocks[:, 1:]


def descend(
    model: nn.Module,
    batches: Iterator[tuple[Tensor, Tensor]],
    iterations: int,
    learning_rate: float,
    base: nn.Module | None = None,
) -> Iterator[float]:
    """AdamW, a step for each batch; yields the loss before it. The rate is meant for the `base`, if there is one."""
    optimiser = adam(model, learning_rate, base)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: _share_of_rate(done, iterations))
    model.train()
    for x, y in batches:
        loss = step(model, optimiser, x, y)
        schedule.step()
        yield loss


def adam(model: nn.Module, learning_rate: float, base: nn.Module | None = None) -> torch.optim.Optimizer:
    """With rates and decays for factors, and for another width than that of the `base`."""
    groups = parameter_groups(model, learning_rate, WEIGHT_DECAY, base=base)
    return torch.optim.AdamW(groups, betas=BETAS, fused=True)


def step(model: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    """The loss before it."""
    loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), CLIPPED)
    optimiser.step()
    return loss.item()


def _share_of_rate(done: int, iterations: int) -> float:
    """A straight rise, then half a cosine."""
    warm = WARM * iterations
    if done < warm:
        return (done + 1) / (warm + 1)
    passed = (done - warm) / (iterations - warm)
    return LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))


@torch.no_grad()
def loss_on(model: nn.Module, text: Tensor, context: int, sampled: int | None = None) -> float:
    """Mean over neighbouring blocks of a text, or over some of them, evenly spaced; nats a character."""
    count = (len(text) - 1) // context
    x, y = (text[shift : shift + count * context].unflatten(0, (count, context)) for shift in (0, 1))
    chosen = torch.arange(count) if sampled is None else torch.arange(0, count, max(1, count // sampled))
    was_training = model.training
    model.eval()
    total = sum(
        functional.cross_entropy(model(x[part]).flatten(0, 1), y[part].flatten(), reduction="sum").item()
        for part in chosen.split(64)
    )
    model.train(was_training)
    return total / (len(chosen) * context)


def path(model: nn.Module) -> str:
    """What computes the structured layers: a kernel by its name, the reference and why, or no such layer."""
    layers = [layer for layer in model.modules() if isinstance(layer, StructuredLinear)]
    return ", ".join(sorted({str(backend(layer)) for layer in layers})) or "dense layers only"


def linear_layers(model: nn.Module) -> list[nn.Linear | StructuredLinear]:
    """Those of the blocks, dense or not."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear | StructuredLinear)]


def operations(model: nn.Module, config: CharacterConfig) -> int:
    """Multiply-accumulates a character: linear layers as they are stored, the head, attention over a whole context."""
    layers = sum(parameter.numel() for layer in linear_layers(model) for parameter in layer.parameters())
    head = sum(parameter.numel() for parameter in model.get_submodule("character").parameters())
    return layers + head + 2 * config.blocks * config.context * config.width

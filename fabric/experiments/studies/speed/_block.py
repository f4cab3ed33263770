"""A block of a Transformer, forward and backward, with dense layers and with Clos cascades in their place."""

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from fabric._checks import instance
from fabric.experiments.runs import Measured, Positive, PositiveFloat, RunConfig
from fabric.experiments.studies.speed._rivals import CLOS, DENSE, REFERENCE
from fabric.experiments.studies.speed._turns import Task, forward_backward, named_device, one_core, take_turns
from fabric.nn import fewer, replace

_HEAD = 64  # features of an attention head


@dataclass(frozen=True)
class BlockTimesConfig(RunConfig):
    """A Transformer block (batch, tokens, width), all linear layers with `fewer` times fewer weights.

    Attributes:
        batch, tokens, width: of the input; the width is a multiple of 64, the features of a head.
        fewer: the cascades' budget.
        rounds: in which both take turns.
        seconds: for which a call is repeated in each round.
        device: where.
    """

    recipe: ClassVar[int] = 1

    batch: Positive
    tokens: Positive
    width: Positive
    fewer: PositiveFloat
    rounds: Positive
    seconds: PositiveFloat
    device: str = field(default_factory=named_device)


class TransformerBlock(nn.Module):
    """Attention and a perceptron of four times the width, each after a normalisation and beside a skip.

    Shapes: x (batch, tokens, width) → the same.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // _HEAD
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(self.before_attention(x)).unflatten(2, (3, self.heads, _HEAD)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*heads)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.perceptron(self.before_perceptron(x))


def time_block(config: BlockTimesConfig) -> Measured:
    """Time forward and backward passes on one thread.

    Returns:
        "points", one for each way: "way", "weights" of all layers and by round "seconds" of a call.

    Raises:
        ValueError: a width that is no multiple of 64.
    """
    instance("config", config, BlockTimesConfig)
    if config.width % _HEAD:
        raise ValueError(f"width must be a multiple of {_HEAD}, got {config.width}")
    device = torch.device(config.device)
    with one_core(device):
        torch.manual_seed(0)
        block = TransformerBlock(config.width)
        blocks = {DENSE: block, CLOS: replace(block, fewer(config.fewer))[0]}
        blocks[REFERENCE] = blocks[CLOS]
        x = torch.randn(config.batch, config.tokens, config.width).to(device)
        tasks = {way: Task(forward_backward(module.to(device), x), way != REFERENCE) for way, module in blocks.items()}
        times = take_turns(tasks, config.rounds, config.seconds, device)
    counted = {way: sum(parameter.numel() for parameter in module.parameters()) for way, module in blocks.items()}
    return {"points": [{"way": way, "weights": counted[way], "seconds": taken} for way, taken in times.items()]}

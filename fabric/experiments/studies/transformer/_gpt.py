"""A small GPT that predicts the next character, of the sizes and with the start of nanoGPT."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

STD = 0.02  # of every dense matrix and embedding at the start; that of a block's output less by the blocks' number


class Gpt(nn.Module):
    """Characters int64 (batch, length) → logits (batch, length, characters).

    Normalisation before attention and before the two layers of the perceptron, GELU, no biases; the head shares its
    weights with the embedding of characters.

    Args:
        characters: of the alphabet.
        width: of every level between blocks; heads divide it.
        blocks, heads: their number; heads of each block.
        context: longest length.
        generator: draws the weights.
    """

    def __init__(
        self, characters: int, width: int, blocks: int, heads: int, context: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.character = nn.Embedding(characters, width)
        self.position = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                std = STD / math.sqrt(2 * blocks) if name.endswith(("mix.weight", "shrink.weight")) else STD
                nn.init.normal_(weight, std=std, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.character(x) + self.position.weight[: x.shape[1]]
        for block in self.blocks:
            hidden = block(hidden)
        return functional.linear(self.norm(hidden), self.character.weight)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_perceptron = (nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attend = nn.Linear(width, 3 * width, bias=False)  # queries, keys, values
        self.mix = nn.Linear(width, width, bias=False)
        self.widen = nn.Linear(width, 4 * width, bias=False)
        self.shrink = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.attend(self.before_attention(x)).chunk(3, -1)
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.mix(attended.transpose(1, 2).flatten(2))
        return x + self.shrink(functional.gelu(self.widen(self.before_perceptron(x))))

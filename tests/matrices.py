"""Matrices and layers that tests of `convert` share."""

import torch
from torch import nn


def linear(weight, bias=False):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    return layer


def spectrum(outputs, inputs, power):
    left, _, right = torch.linalg.svd(torch.randn(outputs, inputs, dtype=torch.float64), full_matrices=False)
    return left @ torch.diag(torch.arange(1, len(right) + 1, dtype=torch.float64) ** -power) @ right


def best_of_rank(matrix, rank):
    return (torch.linalg.svdvals(matrix)[rank:].norm() / matrix.norm()).item()


def relative(lost, whole):
    return (lost.norm() / whole.norm()).item()

"""What an optimiser knows of a weight, carried along when the weight moves into a tensor of another shape."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from fabric._checks import instance, shown


class Move(NamedTuple):
    """A parameter that takes the place of another.

    Attributes:
        old, new: the parameters.
        embed: takes a tensor of the old one's shape to one of the new one's, zero where an entry is new.
    """

    old: nn.Parameter
    new: nn.Parameter
    embed: Callable[[Tensor], Tensor]


def checked_optimizer(optimizer: object, parameters: Sequence[nn.Parameter]) -> Optimizer | None:
    """Return the optimiser, or raise ValueError unless it is None or trains all these parameters one by one."""
    if optimizer is None:
        return None
    trained = instance("optimizer", optimizer, Optimizer)
    own = {id(parameter) for group in trained.param_groups for parameter in group["params"]}
    missing = [parameter for parameter in parameters if parameter.requires_grad and id(parameter) not in own]
    if missing:
        raise ValueError(
            f"optimizer must train the parameters of layer, it has none of {len(missing)} of them, "
            f"the first of shape {tuple(missing[0].shape)}"
        )
    for parameter in parameters:
        for name, value in trained.state.get(parameter, {}).items():
            if _is_vector(value) and value.shape != parameter.shape:
                raise ValueError(
                    f"optimizer must keep one number for each weight, {type(trained).__name__} holds {name!r}: "
                    f"{shown(value.shape)} for a weight of shape {tuple(parameter.shape)}"
                )
    return trained


def carry(optimizer: Optimizer | None, moves: Sequence[Move]) -> None:
    """Let the optimiser train the new parameters with the groups, steps and moments of the old; new entries have none.

    The moments of an entry that has just been added are zero, as those of a weight that had no gradient so far. Adam's
    first step of it is (1 - β₁) / √(1 - β₂) times the rate, 3.2 times with the usual values.
    """
    if optimizer is None:
        return
    by_old = {id(move.old): move for move in moves}
    for group in optimizer.param_groups:
        group["params"] = [by_old[id(each)].new if id(each) in by_old else each for each in group["params"]]
    for move in moves:
        if (state := optimizer.state.pop(move.old, None)) is not None:
            optimizer.state[move.new] = {
                name: move.embed(value) if _is_vector(value) else value for name, value in state.items()
            }


def _is_vector(value: object) -> bool:
    """Whether an entry of the state holds a number for each weight; the count of steps, for one, does not."""
    return isinstance(value, Tensor) and value.dim() > 0

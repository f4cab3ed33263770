"""How models are called that nobody here has written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature

from torch import Tensor, nn


def called(model: nn.Module, batch: object) -> object:
    """The model's result for a tensor, a tuple or list of arguments, or a mapping of arguments by name.

    Raises:
        ValueError: the batch is none of these, or has more or fewer arguments than the model takes.
    """
    if not isinstance(batch, Tensor | tuple | list | Mapping):
        raise ValueError(
            "a batch must be a tensor, a tuple of arguments or a mapping of arguments by name, "
            f"got {type(batch).__name__}"
        )
    names: Mapping = batch if isinstance(batch, Mapping) else {}
    arguments: Sequence = () if isinstance(batch, Mapping) else (batch,) if isinstance(batch, Tensor) else batch
    try:
        takes = signature(model.forward)
    except ValueError:  # a traced model does not say what it takes
        return model(*arguments, **names)
    try:
        takes.bind(*arguments, **names)
    except TypeError as error:
        raise ValueError(
            f"a batch must hold the arguments of the model and nothing else, no labels either: {error}"
        ) from error
    return model(*arguments, **names)


def first_tensor(result: object) -> Tensor:
    """The result itself, or the first entry of a sequence or mapping.

    Raises:
        ValueError: it is no tensor.
    """
    first = result
    if isinstance(result, Mapping):
        first = next(iter(result.values()), None)
    elif isinstance(result, tuple | list):
        first = result[0] if result else None
    if not isinstance(first, Tensor):
        raise ValueError(f"the model must return a tensor, alone or first of several, got {type(first).__name__}")
    return first


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the modes of all modules as they were behind it."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode

"""How models are called that nobody here has written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


def called(model: nn.Module, batch: object) -> object:
    """The model's result for a tensor, a tuple or list of arguments, or a mapping of arguments by name."""
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple | list) else model(batch)


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

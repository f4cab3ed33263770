"""How models are called that nobody here has written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from inspect import signature

import torch
from torch import Tensor, nn


def called(model: nn.Module, batch: object) -> object:
    """The model's result for a tensor, a tuple or list of arguments, or a mapping of arguments by name.

    Raises:
        ValueError: the batch is none of these, has more or fewer arguments than the model takes, or shapes or dtypes
            on which it fails; the message names the module that does.
    """
    if not isinstance(batch, Tensor | tuple | list | Mapping):
        raise ValueError(
            "a batch must be a tensor, a tuple of arguments or a mapping of arguments by name, "
            f"got {type(batch).__name__}"
        )
    names: Mapping = batch if isinstance(batch, Mapping) else {}
    arguments: Sequence = () if isinstance(batch, Mapping) else (batch,) if isinstance(batch, Tensor) else batch
    try:
        signature(model.forward).bind(*arguments, **names)
    except ValueError:  # a traced model does not say what it takes
        pass
    except TypeError as error:
        raise ValueError(
            f"a batch must hold the arguments of the model and nothing else, no labels either: {error}"
        ) from error
    try:
        return model(*arguments, **names)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as error:
        given = ", ".join(map(_kind, [*arguments, *names.values()]))
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"a batch must be what the model takes, got {given}: {_culprit(model, arguments, names)} fails: {reason}"
        ) from error


def _culprit(model: nn.Module, arguments: Sequence, names: Mapping) -> str:
    """The innermost module that a failing call of the model is in, with what enters it."""
    entered = ["the model"]

    def watch(name: str) -> Callable:
        def note(module: nn.Module, args: tuple, kwargs: dict) -> None:
            kind = next((f" of {parameter.dtype}" for parameter in module.parameters()), "")
            seen = ", ".join(map(_kind, [*args, *kwargs.values()]))
            entered.append(f"{name!r}, {type(module).__name__}({module.extra_repr()}){kind}, which gets {seen},")

        return note

    handles = []
    for name, module in model.named_modules():
        if name and not isinstance(module, torch.jit.ScriptModule):
            handles.append(module.register_forward_pre_hook(watch(name), prepend=True, with_kwargs=True))
            handles.append(module.register_forward_hook(lambda *_: entered.pop() and None))
    try:
        with torch.no_grad(), suppress(RuntimeError, IndexError):
            model(*arguments, **names)
    finally:
        for handle in handles:
            handle.remove()
    return entered[-1]


def _kind(value: object) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


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

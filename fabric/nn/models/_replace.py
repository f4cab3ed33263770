"""Layers of a model exchanged for others by a rule, and nothing else changed."""

import copy
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, cast

from torch import nn
from torch.nn.utils import parametrize

from fabric._checks import instance
from fabric.nn._structured import StructuredLinear
from fabric.nn.convolution._cascade_conv import CascadeConv2d
from fabric.nn.convolution._clos_conv import ClosConv2d
from fabric.nn.convolution._conv import StructuredConv2d
from fabric.nn.models._entries import Plan
from fabric.nn.models._layers import SHAPE, Layer, described, is_conv1d, is_layer, shape_of, sizes_of
from fabric.nn.models._table import Table, weights

Choose = Callable[[str, nn.Module], nn.Module | Plan | None]
CALL_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
CALL_HOOK_OPTIONS = (
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_is_full_backward_hook",
)
STATE_HOOKS = (
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Replaced(NamedTuple):
    """A model with other layers; printed, it is the table.

    Attributes:
        model: with the new layers.
        table: a row per layer that was offered: "layer", its name; "before" and "after", which says why a
            layer is kept; "weights" and "weights left", trainable numbers without padding.
    """

    model: nn.Module
    table: Table

    def __repr__(self) -> str:
        return str(self.table)


def replace(model: nn.Module, choose: Choose, *, in_place: bool = False) -> Replaced:
    """Exchange `torch.nn.Linear`, `Conv2d`, `GRU` and `LSTM` layers of a model for others.

    A new layer gets the device, the dtype, the training mode and the frozen state of the old one, and its hooks on
    calls, whose handles remain valid. A layer that the model has under several names is exchanged under all of them.
    The inference shortcut of `torch.nn.TransformerEncoderLayer`, which reads weights past its layers, is switched off
    where a layer of it is exchanged. The `Conv1D` of Hugging Face's GPT-2, a linear layer with a transposed weight, is
    exchanged as a `torch.nn.Linear` is. Weights are fresh, see `convert` for trained ones. Bare parameters, as the
    input projection of `torch.nn.MultiheadAttention`, are no layers and stay.

    Args:
        model: any; if it is itself a layer, the new layer is the result.
        choose: asked about every such layer by its name in the model; returns a module to take its place, an entry of
            `plan` (for Linear and Conv2d, for the latter planned with `taps`), or None to keep the layer. `fewer` makes
            such a rule. If it has an attribute `skip`, each of these names must be that of something in the model. If
            it has a method `why`, the table has what that says of a layer that is kept.
        in_place: whether to change `model` instead of a copy. It is not changed if an error is raised.

    Raises:
        ValueError: `choose` names a layer that cannot be exchanged without a change of what it does: one that is of a
            subclass (as the output projection of `torch.nn.MultiheadAttention`, which reads its weight), is
            parametrized, pruned or normalised by a hook, shares a weight with another module, or has hooks on its
            weights or its state; or a module of another shape, or one that has a place already; or its `skip` names
            nothing in the model.
    """
    instance("model", model, nn.Module)
    if not callable(choose):
        raise ValueError(f"choose must be a function of name and module, got {type(choose).__name__}")
    check_skip(model, getattr(choose, "skip", ()))
    if in_place and is_layer(model):
        raise ValueError("in_place must be False where the model itself is a layer, got True")
    if not in_place:
        lost = [name for name, parameter in model.named_parameters() if _has_hooks(parameter)]
        if lost:
            raise ValueError(f"in_place must be True, as copies lose hooks on parameters: {', '.join(lost)}")
        model = copy.deepcopy(model)
    present = set(model.modules())
    swaps: dict[nn.Module, nn.Module] = {}
    table = Table()
    for name, layer in list(model.named_modules()):
        if not is_layer(layer):
            continue
        answer, new = choose(name, layer), cast(nn.Module, layer)
        reason = obstacle(layer)
        if answer is not None and answer is not layer:
            reason = reason or shared(model, layer)
            if reason and hasattr(choose, "skip"):
                raise ValueError(f"skip must hold {name!r}, a layer that {reason}")
            if reason:
                raise ValueError(f"choose must return None for {name or 'the model'}, which {reason}")
            new = _checked(name, layer, answer)
            if new in present:
                raise ValueError(f"choose must return a new module for {name}, got one that has a place in the model")
            present.update(new.modules())
            swaps[layer] = new
        table.append(
            {
                "layer": name,
                "before": described(layer),
                "after": described(new) if new is not layer else _kept(reason, choose, name, layer),
                "weights": weights(layer),
                "weights left": weights(new),
            }
        )
    for layer, new in swaps.items():
        _hand_over(layer, new)
    return Replaced(_exchanged(model, swaps), table)


def check_skip(model: nn.Module, skip: Sequence[str]) -> None:
    """Raise ValueError for a name, with wildcards as of a shell, that nothing in the model has."""
    names = [name for name, _ in model.named_modules()]
    for pattern in skip:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"skip must hold names of layers of model, none matches {pattern!r}")


def obstacle(layer: nn.Module) -> str | None:
    """Why a layer, seen alone, cannot be exchanged; None if it can."""
    if parametrize.is_parametrized(layer):
        return "is parametrized"
    if type(layer) not in SHAPE and not is_conv1d(layer):
        return f"is a {type(layer).__name__}, of which other code may ask more"
    own = dict(layer.named_parameters(recurse=False))
    usual = set(layer._flat_weights_names) if isinstance(layer, nn.RNNBase) else {"weight", "bias"}
    more = set(own) - usual | set(dict(layer.named_buffers())) | set(dict(layer.named_children()))
    if more:
        return f"holds {', '.join(sorted(more))}, as pruned and normalised layers do"
    if "forward" in vars(layer):
        return "has a forward of its own"
    if any(getattr(layer, hooks) for hooks in STATE_HOOKS):
        return "has hooks on its state"
    if any(map(_has_hooks, own.values())):
        return "has hooks on its weights"
    if len({parameter.requires_grad for parameter in own.values()}) > 1:
        return "is frozen in part"
    return None


def built(entry: Plan, layer: nn.Module) -> StructuredLinear | StructuredConv2d:
    """The layer of a plan's entry with the bias, device, dtype and geometry of a Linear or Conv2d."""
    if isinstance(layer, nn.Linear) or is_conv1d(layer):
        return entry.layer(layer.bias is not None, layer.weight.device, layer.weight.dtype)
    if not isinstance(layer, nn.Conv2d):
        raise ValueError(f"choose must return a module for a {type(layer).__name__}, got an entry of a plan")
    geometry: dict[str, Any] = {
        key: getattr(layer, key) for key in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    }
    geometry |= {"bias": layer.bias is not None, "device": layer.weight.device, "dtype": layer.weight.dtype}
    wanted = sizes_of(layer)
    if (entry.in_features, entry.out_features, entry.taps) != wanted:
        raise ValueError(
            f"choose must return a plan from {wanted[0]} to {wanted[1]} features with taps = {wanted[2]} for a "
            f"convolution, got one from {entry.in_features} to {entry.out_features} with taps = {entry.taps}"
        )
    if entry.structure == "clos":
        first, middle, last = entry.counts
        return ClosConv2d(
            layer.in_channels, layer.out_channels, input_routers=first, middle_routers=middle, output_routers=last,
            **geometry,
        )  # fmt: skip
    return CascadeConv2d(entry.topology(), **geometry)


def _checked(name: str, layer: Layer, answer: object) -> nn.Module:
    new = built(answer, layer) if isinstance(answer, Plan) else answer
    if not isinstance(new, nn.Module):
        raise ValueError(
            f"choose must return a module, an entry of a plan or None for {name}, got {type(new).__name__}"
        )
    for attribute, wanted in shape_of(layer).items():
        if getattr(new, attribute, 0 if attribute == "proj_size" else wanted) != wanted:
            got = getattr(new, attribute, None)
            raise ValueError(f"choose must return a module of {attribute} = {wanted!r} for {name}, got {got!r}")
    if _called_hooks(layer) and _called_hooks(new):
        raise ValueError(f"choose must return a module without hooks for {name}, which has its own")
    return new


def _has_hooks(parameter: nn.Parameter) -> bool:
    return bool(parameter._backward_hooks or parameter._post_accumulate_grad_hooks)


def _called_hooks(module: nn.Module) -> bool:
    return any(getattr(module, hooks) for hooks in CALL_HOOKS)


def shared(model: nn.Module, layer: nn.Module) -> str | None:
    """Why a layer cannot be exchanged for what else is in the model; None if it can."""
    own = set(map(id, layer.parameters()))
    for name, module in model.named_modules():
        if module is not layer:
            for key, parameter in module.named_parameters(recurse=False):
                if id(parameter) in own:
                    return f"shares a weight with {name}.{key}".replace(" .", " ")
    return None


def _hand_over(layer: nn.Module, new: nn.Module) -> None:
    """What belongs to the place and not to the weights."""
    some = next(layer.parameters())
    new.to(some.device, some.dtype).train(layer.training)
    if not some.requires_grad:
        new.requires_grad_(False)
    if _called_hooks(layer):
        for attribute in (*CALL_HOOKS, *CALL_HOOK_OPTIONS):
            setattr(new, attribute, getattr(layer, attribute))


def _exchanged(model: nn.Module, swaps: dict[nn.Module, nn.Module]) -> nn.Module:
    if model in swaps:
        return swaps[model]
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if child in swaps:
                module._modules[name] = swaps[child]
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer) and _lost_weights(module):
            module.activation_relu_or_gelu = 0
        if isinstance(module, nn.TransformerEncoder) and any(map(_lost_weights, module.layers)):
            module.use_nested_tensor = False
    return model


def _lost_weights(layer: nn.Module) -> bool:
    """Whether an encoder layer has others in the place of the layers whose weights its shortcut reads."""
    return not all(isinstance(getattr(layer, name, None), nn.Linear) for name in ("linear1", "linear2"))


def _kept(reason: str | None, choose: Choose, name: str, layer: nn.Module) -> str:
    """With the reason, if it is known."""
    if reason:
        return f"kept: it {reason}"
    return f"kept: {choose.why(name, layer)}" if hasattr(choose, "why") else "kept"

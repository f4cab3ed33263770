"""What recurrent layers made of cascades share, whatever their cells do: layers, directions, packed sequences."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from fabric._checks import positive_int
from fabric.nn._clos import ClosLinear
from fabric.nn._structured import StructuredLinear
from fabric.nn.init import lecun_uniform_

Build = Callable[[int, int], StructuredLinear]  # from numbers of inputs and outputs to a layer
States = tuple[Tensor, ...]  # of a cell, (batch, hidden_size) each: its hidden state, for an LSTM the cell state too


class CascadeRecurrent(nn.Module, ABC):
    """A stack of recurrent cells in which both matrices of each are cascades.

    The gates of a cell are stacked: one cascade leads from its inputs to all gates, another from its hidden state. With
    a Clos cascade for each gate and as many weights a training step takes longer (`make bench`). The product with the
    inputs is taken for all steps at once, the product with the hidden state step by step.

    Args:
        input_size, hidden_size, num_layers, batch_first, dropout, bidirectional: as for `torch.nn.LSTM`.
        input_layer: makes the cascade from a cell's inputs to its gates, given how many there are of both.
        hidden_layer: makes the cascade from the hidden state to the gates.

    Raises:
        ValueError: an argument out of its range.
    """

    gates: ClassVar[int]
    state_count: ClassVar[int]
    dense_class: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        input_layer: Build,
        hidden_layer: Build,
    ) -> None:
        super().__init__()
        self.input_size = positive_int("input_size", input_size)
        self.hidden_size = positive_int("hidden_size", hidden_size)
        self.num_layers = positive_int("num_layers", num_layers)
        for name, value in (("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False, got {value!r}")
        if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be a probability from 0 to 1, got {dropout!r}")
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.directions = 2 if bidirectional else 1
        below = [self.input_size] + [self.directions * self.hidden_size] * (self.num_layers - 1)
        inputs = [size for size in below for _ in range(self.directions)]  # of every cell, as `torch.nn` orders them
        outputs = self.gates * self.hidden_size
        self.input_layers = nn.ModuleList(input_layer(size, outputs) for size in inputs)
        self.hidden_layers = nn.ModuleList(hidden_layer(self.hidden_size, outputs) for _ in inputs)
        self.reset_parameters()

    @classmethod
    def like(cls, dense: nn.RNNBase, input_layer: Build, hidden_layer: Build) -> "CascadeRecurrent":
        """A layer with the sizes and options of a dense one; its cells ask for their cascades in order."""
        made = cls.__new__(cls)
        CascadeRecurrent.__init__(
            made,
            dense.input_size,
            dense.hidden_size,
            dense.num_layers,
            dense.batch_first,
            dense.dropout,
            dense.bidirectional,
            input_layer,
            hidden_layer,
        )
        return made

    @staticmethod
    @abstractmethod
    def step(from_input: Tensor, from_hidden: Tensor, states: States) -> States:
        """The states after a step, from both sums (batch, gates · hidden_size) and the states before it."""

    @abstractmethod
    def opened(self, hx: Any) -> States:
        """The states in `hx`, in the form that the layer takes, as a tuple."""

    @abstractmethod
    def closed(self, states: States) -> object:
        """The inverse of `opened`."""

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, `lecun_uniform_`: a gate's sums have the variance of what enters them, at any step."""
        lecun_uniform_(self, generator=generator)

    def flatten_parameters(self) -> None:
        """Nothing: models written for `torch.nn.LSTM` call it, and no layer here needs it."""

    def forward(self, input: Tensor | PackedSequence, hx=None):
        """What `torch.nn.LSTM` and `torch.nn.GRU` do.

        Args:
            input: (steps, batch, input_size), with `batch_first` (batch, steps, input_size), one sequence
                (steps, input_size), or packed sequences.
            hx: states before the first step, (num_layers · directions, batch, hidden_size), for one sequence
                (num_layers · directions, hidden_size); two of them for an LSTM. Zeros if None.

        Returns:
            The last layer's hidden state at every step, directions · hidden_size long, in the form of `input`; and the
            states after the last step in the form of `hx`.

        Raises:
            ValueError: a shape that does not fit.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if not isinstance(input, Tensor) or input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            given = tuple(input.shape) if isinstance(input, Tensor) else repr(input)
            raise ValueError(f"input must have 2 or 3 axes and {self.input_size} features in the last, got {given}")
        lone = input.ndim == 2
        by_step = input.unsqueeze(1) if lone else input.transpose(0, 1) if self.batch_first else input
        steps, batch = by_step.shape[:2]
        if steps == 0:
            raise ValueError(f"input must hold at least one step, got shape {tuple(input.shape)}")
        before = None
        if hx is not None:
            before = self.opened(hx)
            before = tuple(state.unsqueeze(1) for state in before) if lone else before
        data, after = self._run(by_step.flatten(0, 1), [batch] * steps, before)
        output = data.unflatten(0, (steps, batch))
        if lone:
            return output.squeeze(1), self.closed(tuple(state.squeeze(1) for state in after))
        return output.transpose(0, 1) if self.batch_first else output, self.closed(after)

    def _forward_packed(self, packed: PackedSequence, hx):
        if packed.data.ndim != 2 or packed.data.shape[-1] != self.input_size:
            shape = tuple(packed.data.shape)
            raise ValueError(f"input must have {self.input_size} features, its packed data have shape {shape}")
        before = None if hx is None else self.opened(hx)
        if before is not None and packed.sorted_indices is not None:
            before = tuple(state.index_select(1, packed.sorted_indices) for state in before)
        data, after = self._run(packed.data, packed.batch_sizes.tolist(), before)
        if packed.unsorted_indices is not None:
            after = tuple(state.index_select(1, packed.unsorted_indices) for state in after)
        return packed._replace(data=data), self.closed(after)

    def _run(self, data: Tensor, batches: Sequence[int], before: States | None) -> tuple[Tensor, States]:
        """All layers on the data of all steps one after the other, (sum of batches, features); batches never grow."""
        shape = (self.num_layers * self.directions, batches[0], self.hidden_size)
        if before is None:
            before = (data.new_zeros(shape),) * self.state_count
        for state in before:
            if not isinstance(state, Tensor) or state.shape != shape:
                given = tuple(state.shape) if isinstance(state, Tensor) else f"a {type(state).__name__}"
                raise ValueError(f"hx must have shape {shape}, got {given}")
        after: list[States] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.directions):
                cell = layer * self.directions + direction
                start = tuple(state[cell] for state in before)
                output, end = self._run_cell(cell, data, batches, start, backwards=direction == 1)
                outputs.append(output)
                after.append(end)
            data = torch.cat(outputs, 1) if self.directions == 2 else outputs[0]
            if layer < self.num_layers - 1:
                data = functional.dropout(data, self.dropout, self.training)
        return data, tuple(torch.stack(states) for states in zip(*after, strict=True))

    def _run_cell(
        self, cell: int, data: Tensor, batches: Sequence[int], start: States, backwards: bool
    ) -> tuple[Tensor, States]:
        """One direction of one layer: hidden states for all of `data`, and every sequence's states after its end.

        Sequences are sorted by length, so a step has the first of them. Forwards, the last ones end on the way and
        their states are set aside; backwards, they join with their starting states.
        """
        from_input = self.input_layers[cell](data).split(list(batches))
        hidden_layer = self.hidden_layers[cell]
        order = range(len(batches) - 1, -1, -1) if backwards else range(len(batches))
        running = batches[order[0]]
        states = tuple(state[:running] for state in start)
        outputs: list[Tensor] = [data] * len(batches)
        ended: list[States] = []
        for t in order:
            if batches[t] < running:
                ended.append(tuple(state[batches[t] :] for state in states))
                states = tuple(state[: batches[t]] for state in states)
            elif batches[t] > running:
                joining = tuple(state[running : batches[t]] for state in start)
                states = tuple(torch.cat(pair) for pair in zip(states, joining, strict=True))
            running = batches[t]
            states = self.step(from_input[t], hidden_layer(states[0]), states)
            outputs[t] = states[0]
        parts = (states, *reversed(ended))
        return torch.cat(outputs), tuple(torch.cat(states) for states in zip(*parts, strict=True))

    @torch.no_grad()
    def to_dense(self) -> nn.RNNBase:
        """The dense recurrent layer of `torch.nn` that computes the same, up to rounding."""
        weight = next(self.parameters())
        biased = self.input_layers[0].bias is not None
        dense = self.dense_class(
            self.input_size,
            self.hidden_size,
            self.num_layers,
            biased,
            self.batch_first,
            self.dropout,
            self.bidirectional,
            device=weight.device,
            dtype=weight.dtype,
        )
        for cell, layers in enumerate(zip(self.input_layers, self.hidden_layers, strict=True)):
            layer, direction = divmod(cell, self.directions)
            suffix = f"l{layer}" + ("_reverse" if direction else "")
            for kind, source in zip(("ih", "hh"), cast(tuple[StructuredLinear, ...], layers), strict=True):
                getattr(dense, f"weight_{kind}_{suffix}").copy_(source.dense_weight())
                if biased:
                    getattr(dense, f"bias_{kind}_{suffix}").copy_(source.bias)
        return dense.train(self.training)

    def extra_repr(self) -> str:
        shape = f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"
        kinds = f"from inputs {_names(self.input_layers)}, from hidden {_names(self.hidden_layers)}"
        return f"{shape}, batch_first={self.batch_first}, bidirectional={self.bidirectional}, {kinds}"


def _names(layers: Iterable[Any]) -> str:
    """Of their topologies, each once: the sizes and the router counts of Clos cascades."""
    names = (f"clos{tuple(each.routers)}" if isinstance(each, ClosLinear) else each.topology.name for each in layers)
    return " and ".join(dict.fromkeys(names))


class _Lstm(CascadeRecurrent):
    """The cell of `torch.nn.LSTM`: gates input, forget, cell, output."""

    gates, state_count, dense_class = 4, 2, nn.LSTM

    @staticmethod
    def step(from_input: Tensor, from_hidden: Tensor, states: States) -> States:
        enter, forget, new, out = (from_input + from_hidden).chunk(4, 1)
        cell = torch.sigmoid(forget) * states[1] + torch.sigmoid(enter) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(cell), cell

    def opened(self, hx: Any) -> States:
        if not isinstance(hx, tuple | list) or len(hx) != 2:
            raise ValueError(f"hx must be a pair of hidden and cell states, got {type(hx).__name__}")
        return tuple(hx)

    def closed(self, states: States) -> tuple[Tensor, ...]:
        return states


class _Gru(CascadeRecurrent):
    """The cell of `torch.nn.GRU`: gates reset, update, new."""

    gates, state_count, dense_class = 3, 1, nn.GRU

    @staticmethod
    def step(from_input: Tensor, from_hidden: Tensor, states: States) -> States:
        size = states[0].shape[1]
        gates = torch.sigmoid(from_input[:, : 2 * size] + from_hidden[:, : 2 * size])
        reset, update = gates.chunk(2, 1)
        new = torch.tanh(torch.addcmul(from_input[:, 2 * size :], reset, from_hidden[:, 2 * size :]))
        kept = states[0].dtype  # under autocast the gates are narrower than the states
        return (torch.lerp(new.to(kept), states[0], update.to(kept)),)

    def opened(self, hx: Any) -> States:
        return (hx,)

    def closed(self, states: States) -> Tensor:
        return states[0]

"""A PyTorch model on a training machine and back: floats in, floats out."""

import copy
import math
import os
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from fabric._checks import shown
from fabric.hardware._checks import array, choice, flag, whole
from fabric.hardware.deployment._flow import begin, biases
from fabric.hardware.deployment._format import choose_format
from fabric.hardware.deployment._layers import read_layers, sums, write_layers
from fabric.hardware.deployment._layout import lay_out
from fabric.hardware.deployment._places import Place, put_inputs, put_outputs, take_outputs
from fabric.hardware.fixed_point import RATES, FixedPoint
from fabric.hardware.torus import GoldenMachine, Machine, Program, Torus, TorusMapping, program
from fabric.hardware.torus._phases import extent

Training = Literal["sequential", "overlapped", "interleaved"]
TRAININGS: tuple[Training, ...] = ("sequential", "overlapped", "interleaved")
Simulation = Literal["golden model", "verilog"]
SIMULATIONS: tuple[Simulation, ...] = ("golden model", "verilog")
_RATE = 2.0**-5
_SLOWEST = 10
_FORMAT_SAMPLES = 1000  # tell formats apart


class Deployed:
    """A model on a machine, as `deploy` makes it.

    Attributes:
        machine: the golden model or the Verilog; it holds the weights.
        torus: how it is built: sizes, memories, `torus.fixed_point`.
        mapping: cascades on the torus.
        training, inference: programs; inference gives the sums of the outputs.
    """

    def __init__(
        self,
        model: nn.Module,
        places: Sequence[Place],
        fixed: FixedPoint,
        mode: Training,
        simulation: Simulation,
        trace: bool,
    ) -> None:
        self._model, self._places = model, list(places)
        self.training, self.inference, self._answering = _programs(places, mode)
        self.mapping = self.training.mapping
        programs = [self.training, self.inference, self._answering]
        self.torus = Torus.of(self.mapping, fixed, programs)
        self.machine: GoldenMachine | Machine = (
            GoldenMachine(self.mapping, fixed)
            if simulation == "golden model"
            else Machine(self.torus, self.mapping, trace)
        )
        self.machine.load([fixed.weights(values) for values in begin(self._places, fixed)])

    def __repr__(self) -> str:
        fixed, sizes = self.torus.fixed_point, [place.layer.inputs for place in self._places]
        network = "-".join(map(str, [*sizes, self._places[-1].layer.outputs]))
        where = "golden model" if isinstance(self.machine, GoldenMachine) else "Verilog"
        return (
            f"Deployed({network} on {self.mapping.rows} × {self.mapping.columns} processing elements, "
            f"words of {fixed.word} bits, weights of {fixed.weight}, {self.training.mode}, {where})"
        )

    def __call__(self, samples: np.ndarray | torch.Tensor, trace: str | os.PathLike | None = None) -> np.ndarray:
        """Outputs of the model, float64 (samples, outputs).

        Args:
            samples: floats (samples, inputs), rounded to activation words.
            trace: a file for the waveforms of the Verilog, as `Machine.run` writes them.

        Raises:
            TypeError, ValueError: samples of another shape, or outside of what activation words hold.
        """
        return self._run(self._answering, samples, trace=trace)

    def sums(self, samples: np.ndarray | torch.Tensor) -> np.ndarray:
        """As a call, before the last activation: sums tell classes apart where a sigmoid is flat."""
        return self._run(self.inference, samples)

    def train(
        self,
        samples: np.ndarray | torch.Tensor,
        targets: np.ndarray | torch.Tensor,
        rate: float = _RATE,
        stochastic: bool = True,
        trace: str | os.PathLike | None = None,
    ) -> np.ndarray:
        """Train on samples in turn, each once: gradient descent at batch size one.

        The loss is the cross-entropy for sigmoids at the end, half the squared error otherwise. Outputs before each
        update are returned as by a call.

        Args:
            samples: floats (samples, inputs).
            targets: floats (samples, outputs), from 0 to 1 behind a sigmoid, otherwise what activation words hold.
            rate: the learning rate, one of the eight powers of two that the format has.
            stochastic: stochastic rounding of updates, otherwise to nearest.
            trace: as in a call.

        Raises:
            TypeError, ValueError: an argument that does not fit; the machine stays as it was.
        """
        x = _reals("samples", samples, self._places[0].layer.inputs)
        y = _reals("targets", targets, self._places[-1].layer.outputs)
        if len(x) != len(y):
            raise ValueError(f"targets must be one for each of the {len(x)} samples, got {len(y)}")
        self._check_reach("targets", y, bounded=self._places[-1].layer.activation == "sigmoid")
        exponent = self._rate_exponent(rate)
        wanted = self.torus.fixed_point.activations(put_outputs(self._places, y))
        return self._run(self.training, x, wanted, exponent, stochastic, trace)

    def to_torch(self) -> nn.Module:
        """The model with the weights that the machine has now; the given one is not changed.

        Stored weights become floats exactly. A bias is what the constant one amounts to at its outputs.
        """
        fixed = self.torus.fixed_point
        arrays = [values / 2**fixed.weight_fraction for values in self.machine.weights()]
        waiting = iter(arrays)
        weights = [place.read([next(waiting) for _ in place.routers]) for place in self._places]
        model = copy.deepcopy(self._model)
        write_layers(model, weights, biases(self._places, arrays, fixed))
        return model

    def _run(
        self,
        work: Program,
        samples: np.ndarray | torch.Tensor,
        targets: np.ndarray | None = None,
        exponent: int | None = None,
        stochastic: bool = True,
        trace: str | os.PathLike | None = None,
    ) -> np.ndarray:
        fixed = self.torus.fixed_point
        x = _reals("samples", samples, self._places[0].layer.inputs)
        self._check_reach("samples", x)
        words = fixed.activations(put_inputs(self._places, x))
        if isinstance(self.machine, Machine):
            outputs = self.machine.run(work, words, targets, exponent, stochastic, trace=trace)
        elif trace is not None:
            raise ValueError(
                f'trace must be None for a golden model, got {shown(trace)}: signals has what is on="verilog"'
            )
        else:
            outputs = self.machine.run(work, words, targets, exponent, stochastic)
        return take_outputs(self._places, outputs) / 2**fixed.activation_fraction

    def _check_reach(self, name: str, values: np.ndarray, bounded: bool = False) -> None:
        """ValueError unless activation words hold `values`; those of a sigmoid, if `bounded`."""
        fixed = self.torus.fixed_point
        most = 2.0 ** (fixed.word - 1 - fixed.activation_fraction)
        least, most, whose = (0.0, 1.0, "a sigmoid reaches") if bounded else (-most, most, "activation words hold")
        if values.min() < least or values.max() > most:
            raise ValueError(
                f"{name} must be from {least:g} to {most:g}, which {whose}, got {values.min():g} to {values.max():g}: "
                "scale them" + ("" if bounded else ", or deploy with samples that reach as far")
            )

    def _rate_exponent(self, rate: object) -> int:
        exponent, slowest = _exponent(rate), self.torus.fixed_point.slowest
        if not slowest - RATES < exponent <= slowest:
            fastest = slowest - RATES + 1
            raise ValueError(f"rate must be from 2 ** {-slowest} to 2 ** {-fastest} here, got {shown(rate)}")
        return exponent


def deploy(
    model: nn.Module,
    samples: np.ndarray | torch.Tensor,
    on: Simulation = "golden model",
    mode: Training = "sequential",
    rate: float = _RATE,
    word: int = 9,
    weight: int = 12,
    trace: bool = False,
) -> Deployed:
    """Put a PyTorch model on a torus that answers and trains as it does, in fixed point.

    Layers are `torch.nn.Linear`, `ClosLinear` and `CascadeLinear` of Clos topologies, in any order in which each finds
    its values in as many rows as it has routers; behind each stands ReLU, Sigmoid, Identity or nothing. Sizes that do
    not divide are padded, biases are weights of an input that is one. A dense layer whose inputs stand in several rows
    has one more weight a row and output, which begins at one and is trained too. `to_torch` multiplies it in.

    Args:
        model: a `torch.nn.Sequential`, or one layer. It is copied.
        samples: floats (samples, inputs) as the machine will see them; the format is the one with which it answers
            them most nearly as the model.
        on: "golden model", or "verilog", built and simulated by Verilator. Both are equal bit for bit.
        mode: how it trains, see `program`.
        rate: the usual learning rate, a power of two.
        word, weight: bits, see `FixedPoint`.
        trace: with Verilog, build for waveforms of all signals.

    Raises:
        TypeError: a model with other layers.
        ValueError: layers that do not fit a torus in this order, samples out of range, other arguments out of theirs.
    """
    choice("on", on, SIMULATIONS)
    choice("mode", mode, TRAININGS)
    layers = read_layers(model)
    x = _reals("samples", samples, layers[0].inputs)
    word, weight = whole("word", word, 4, 16), whole("weight", weight, word, 24)
    exponent = _exponent(rate)
    places = lay_out(layers)
    _, inference, _ = _programs(places, mode)
    slowest = min(max(_SLOWEST, exponent), exponent + RATES - 1)
    part, reach = x[:_FORMAT_SAMPLES], float(np.abs(x).max())
    fixed = choose_format(
        places,
        inference,
        put_inputs(places, part),
        put_outputs(places, sums(model, part)),
        reach,
        word,
        weight,
        slowest,
    )
    return Deployed(copy.deepcopy(model), places, fixed, mode, on, flag("trace", trace))


def _programs(places: Sequence[Place], mode: Training) -> tuple[Program, Program, Program]:
    """For training, for the sums of the outputs, for the outputs."""
    cascades, kinds = [place.cascade for place in places], [place.layer.activation for place in places]
    rows = max(extent(cascade)[0] for cascade in cascades)
    rows = max(rows, 2) if any(len(place.routers) > 1 for place in places) else rows  # a column ring has two places
    model, without_last = (TorusMapping(cascades, [*kinds[:-1], last], rows) for last in (kinds[-1], "identity"))
    training = program(model, mode)
    to_sums, to_answers = (program(each, "inference", pipeline=training.pipeline) for each in (without_last, model))
    return training, to_sums, to_answers


def _reals(name: str, values: object, width: int) -> np.ndarray:
    """Finite floats (samples, width), at least one sample, or ValueError."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().double().numpy() if not values.is_complex() else values.detach().cpu().numpy()
    found = array(name, values, "biuf", "real numbers").astype(np.float64)
    if found.ndim != 2 or found.shape[1] != width or not len(found):
        raise ValueError(f"{name} must have shape (samples, {width}), at least one sample, got {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(found)).sum())} others")
    return found


def _exponent(rate: object) -> int:
    """The exponent of a rate 2 ** -exponent, or ValueError."""
    if not isinstance(rate, (int, float)) or isinstance(rate, bool) or not 2.0**-32 <= rate <= 2.0**32:
        raise ValueError(f"rate must be a power of two such as 2 ** -5, got {shown(rate)}")
    mantissa, exponent = math.frexp(rate)
    if mantissa != 0.5:
        raise ValueError(f"rate must be a power of two such as 2 ** -5, got {shown(rate)}")
    return 1 - exponent

"""The Verilog as Pyverilog reads it: an elaborated design counted signal by signal."""

import contextlib
import io
import operator
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fabric.hardware._tools import required_packages
from fabric.hardware.verilog.rtl import sources_of

with required_packages():
    from pyverilog.dataflow import dataflow as df
    from pyverilog.dataflow.bindvisitor import BindVisitor
    from pyverilog.dataflow.modulevisitor import ModuleVisitor
    from pyverilog.dataflow.signalvisitor import SignalVisitor
    from pyverilog.vparser.parser import VerilogParser
    from pyverilog.vparser.preprocessor import VerilogPreprocessor

_TOP = "elaborated"
_KINDS = frozenset({"Input", "Output", "Wire", "Reg"})
_GENERATED = ((re.compile(r"md_generate\d+\."), ""), (re.compile(r"ge_if\d+\."), ""),
              (re.compile(r"ge_for\d+\[(\d+)\]\.(\w+)"), r"\2[\1]"))  # fmt: skip
_LOGARITHM = re.compile(r"\$clog2\(([^()]*)\)")
_OPERATORS = {
    "Plus": operator.add, "Minus": operator.sub, "Times": operator.mul, "Sll": operator.lshift, "Srl": operator.rshift,
    "Eq": operator.eq, "NotEq": operator.ne, "LessThan": operator.lt, "LessEq": operator.le,
    "GreaterThan": operator.gt, "GreaterEq": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Signal:
    """A signal of an elaborated design.

    Attributes:
        kinds: of "Input", "Output", "Wire", "Reg".
        bits: of a word.
        words: of a memory, else 1.
        clocked: whether a clock edge writes it.
    """

    kinds: frozenset[str]
    bits: int
    words: int
    clocked: bool


@dataclass(frozen=True)
class Counts:
    """What an instance holds itself, without the instances in it: bits and pieces."""

    registers: int = 0
    memory: int = 0
    tables: int = 0
    multipliers: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


class Design:
    """A design elaborated by Pyverilog: generate loops unrolled, parameters resolved.

    Paths are hierarchical, below the top: "" is the top itself, "torus.row[0].pe[1].element" an instance in it.

    Args:
        top: name of the top module.
        parameters: of the top module, integers.
        sources: Verilog files; None for the top and the modules of rtl/ below it.

    Attributes:
        instances: module of every instance, by path.
        binds: what is assigned to each signal, Pyverilog's trees, by path.
    """

    def __init__(
        self, top: str, parameters: Mapping[str, int] | None = None, sources: Sequence[Path] | None = None
    ) -> None:
        sources = sources_of(top) if sources is None else list(sources)
        values = ", ".join(f".{name}({value})" for name, value in (parameters or {}).items())
        with tempfile.TemporaryDirectory(prefix="fabric-source-") as folder:
            wrapper = Path(folder) / f"{_TOP}.v"
            wrapper.write_text(f"module {_TOP}; {top} #({values}) design (); endmodule\n")
            files = [str(path) for path in (wrapper, *sources)]
            with contextlib.redirect_stderr(io.StringIO()):  # the parser generator reports on its own grammar
                preprocessed = Path(folder) / "preprocessed"
                VerilogPreprocessor(files, str(preprocessed)).preprocess()
                text = _LOGARITHM.sub(_logarithm, preprocessed.read_text())
                tree = VerilogParser(outputdir=folder, debug=False).parse(text)
        modules = ModuleVisitor()
        modules.visit(tree)
        signals = SignalVisitor(modules.get_moduleinfotable(), _TOP)
        signals.start_visit()
        binds = BindVisitor(modules.get_moduleinfotable(), _TOP, signals.getFrameTable())
        binds.start_visit()
        self.instances = {path_of(name): module for name, module in binds.getFrameTable().getAllInstances()}
        del self.instances[_TOP]
        self.binds = {path_of(name): bound for name, bound in binds.getDataflows().getBinddict().items()}
        self._terms = {path_of(name): term for name, term in binds.getDataflows().getTerms().items()}
        self._constants: dict[str, int | None] = {}

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """Every signal by its path, parameters left out."""
        found = {}
        for path, term in self._terms.items():
            kinds = _KINDS & term.termtype
            if kinds:
                bits = 1 + self._width(term.msb, path) - self._width(term.lsb, path)
                words = 1
                for low, high in term.dims or ():
                    words *= 1 + abs(self._width(high, path) - self._width(low, path))
                clocked = any(bind.isClockEdge() for bind in self.binds.get(path, ()) if bind.alwaysinfo)
                found[path] = Signal(kinds, bits, words, clocked and "Reg" in kinds)
        return found

    def parameters(self, instance: str) -> list[str]:
        """Names of the parameters of an instance, local ones left out."""
        return [path.rpartition(".")[2] for path, term in self._terms.items()
                if "Parameter" in term.termtype and self.owner(path) == instance]  # fmt: skip

    def owner(self, path: str) -> str:
        """The instance whose module declares a signal."""
        while (path := path.rpartition(".")[0]) not in self.instances:
            pass
        return path

    def counts(self) -> dict[str, Counts]:
        """For every instance what it holds itself: bits of registers, memories and tables, and multipliers.

        A memory is written by the clock, a table never; a multiplier is a product of which neither side is constant.
        """
        found = dict.fromkeys(self.instances, Counts())
        for path, signal in self.signals.items():
            size = signal.bits * signal.words
            if signal.words > 1:
                found[self.owner(path)] += Counts(memory=size) if signal.clocked else Counts(tables=size)
            elif signal.clocked:
                found[self.owner(path)] += Counts(registers=size)
        for path, bound in self.binds.items():
            products = sum(1 for bind in bound for node in self.walk(bind.tree) if self.multiplies(node))
            if path in self.signals and products:
                found[self.owner(path)] += Counts(multipliers=products)
        return found

    def constant(self, node: df.DFNode) -> int | None:
        """The value of a tree, or None if it is not constant."""
        match node:
            case df.DFIntConst():
                return node.eval()
            case df.DFEvalValue():
                return node.value
            case df.DFTerminal():
                path = path_of(node.name)
                if path not in self._constants:
                    bound = self.binds.get(path, ())
                    fixed = path not in self._terms or not self._terms[path].termtype & _KINDS
                    self._constants[path] = self.constant(bound[0].tree) if fixed and bound else None
                return self._constants[path]
            case df.DFOperator() if node.operator in _OPERATORS and len(node.nextnodes) == 2:
                left, right = map(self.constant, node.nextnodes)
                return None if left is None or right is None else int(_OPERATORS[node.operator](left, right))
            case df.DFBranch():
                chosen = self.constant(node.condnode)
                side = node.truenode if chosen else node.falsenode
                return None if chosen is None or side is None else self.constant(side)
        return None

    def walk(self, node: df.DFNode | None) -> Iterator[df.DFNode]:
        """All nodes of a tree, without the sides that no value of a parameter chooses and without ranges."""
        if node is None:
            return
        yield node
        match node:
            case df.DFBranch():
                chosen = self.constant(node.condnode)
                if chosen is None:
                    yield from self.walk(node.condnode)
                if chosen != 0:
                    yield from self.walk(node.truenode)
                if not chosen:
                    yield from self.walk(node.falsenode)
            case df.DFPartselect():
                yield from self.walk(node.var)
            case df.DFNotTerminal():
                for child in node.children():
                    yield from self.walk(child)

    def multiplies(self, node: df.DFNode) -> bool:
        """Whether a node of a tree is a product of which neither side is constant."""
        return (
            isinstance(node, df.DFOperator)
            and node.operator == "Times"
            and all(self.constant(side) is None for side in node.nextnodes)
        )

    def _width(self, node: df.DFNode, path: str) -> int:
        value = self.constant(node)
        if value is None:
            raise ValueError(f"the range of {path} must be constant, got {node.tostr()}")
        return value


def path_of(name: object) -> str:
    """A path from Pyverilog's name below the top instance, generate blocks named as in the source."""
    path = str(name)
    for pattern, replacement in _GENERATED:
        path = pattern.sub(replacement, path)
    return path if path == _TOP else path.removeprefix(f"{_TOP}.design").removeprefix(".")


def _logarithm(call: re.Match) -> str:
    """$clog2 as a sum of comparisons: Pyverilog takes every system function for zero."""
    return "(" + " + ".join(f"(({call[1]}) > {1 << bit})" for bit in range(31)) + ")"

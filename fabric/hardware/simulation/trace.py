"""Waveforms as arrays: what every signal of a simulated machine is in every clock cycle."""

import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fabric.hardware._tools import required_packages
from fabric.hardware.simulation.host import Host

_RANGE = re.compile(r"\[\d+:\d+\]$")
_TOP = re.compile(r"^TOP\.\w+\.")


class Trace:
    """Signals of a run, one value a clock cycle: the value before the rising edge, so that of the cycle it belongs to.

    Names are hierarchical, below the machine, as in the Verilog: "statistics.forward_q", "torus.row[0].pe[1].operand".

    Args:
        path: a value change dump of a machine, cycle t at times 2t (clock low) and 2t + 1.
        first: number of the first cycle that was recorded.

    Attributes:
        cycles: numbers of the recorded cycles, int64, ascending.
    """

    def __init__(self, path: Path, first: int) -> None:
        dump = _vcdvcd().VCDVCD(str(path))
        self.cycles = np.arange(first, dump.endtime // 2 + 1)
        self._signals = {_TOP.sub("", _RANGE.sub("", name)): dump[name] for name in dump.signals}

    @classmethod
    def of(cls, machine: Host, run: Callable[[], object]) -> "Trace":
        """Record all signals while `run` uses the machine, which must be built with `trace`."""
        first = machine.simulation.cycle
        with tempfile.TemporaryDirectory(prefix="fabric-trace-") as folder:
            path = Path(folder) / "trace.vcd"
            machine.simulation.start_vcd_trace(path)
            run()
            machine.simulation.stop_vcd_trace()
            return cls(path, first)

    def __contains__(self, name: str) -> bool:
        return name in self._signals

    def unsigned(self, name: str) -> np.ndarray:
        """Values of a signal of up to 63 bits, int64 (cycles,).

        Raises:
            KeyError: no such signal.
        """
        if name not in self._signals:
            raise KeyError(f"name must be that of a signal in the trace, got {name!r}")
        times, values = zip(*self._signals[name].tv, strict=True)
        at = np.searchsorted(times, 2 * self.cycles, side="right") - 1
        return np.array([int(value, 2) for value in values], dtype=np.int64)[at]

    def signed(self, name: str) -> np.ndarray:
        """Values of a signal in two's complement, int64 (cycles,)."""
        values = self.unsigned(name)
        bits = int(self._signals[name].size)
        return values - ((values >> (bits - 1)) << bits)

    def elements(self, name: str) -> np.ndarray:
        """A signed signal of every processing element of a torus, int64 (cycles, rows, columns)."""
        places = re.compile(rf"torus\.row\[(\d+)\]\.pe\[(\d+)\]\.{re.escape(name)}")
        found = {tuple(map(int, m.groups())): m.string for m in map(places.fullmatch, self._signals) if m}
        if not found:
            raise KeyError(f"name must be that of a signal in every processing element, got {name!r}")
        rows, columns = (extent + 1 for extent in max(found))
        return np.stack(
            [np.stack([self.signed(found[r, c]) for c in range(columns)], axis=-1) for r in range(rows)], axis=1
        )


def _vcdvcd() -> Any:
    before = signal.getsignal(signal.SIGPIPE)
    with required_packages():
        import vcdvcd
    if signal.getsignal(signal.SIGPIPE) != before:  # importing vcdvcd makes a broken pipe end the process
        signal.signal(signal.SIGPIPE, before)
    return vcdvcd

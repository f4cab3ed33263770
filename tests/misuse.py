"""Wrong arguments for public functions: the values, the limits of a call, and what counts as a good refusal."""

import re
import resource
import signal
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

import fabric
from fabric import topology
from fabric._checks import shown

SECONDS = 20  # a call that takes this long hangs; most take less than a millisecond
BYTES = 4 << 30  # of address space that a call may add; what asks for more meets a MemoryError
LONGEST = 1200  # characters of a message
WRONG: dict[str, object] = {
    "None": None,
    "bool": True,
    "zero": 0,
    "negative": -3,
    "float": 2.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1j,
    "text": "seven",
    "bytes": b"4",
    "billion": 10**9,
    "beyond 64 bits": 10**30,
    "beyond printing": 10**6000,
    "object": object(),
    "class": topology.Topology,
    "function": len,
    "empty list": [],
    "text in a list": ["a", "b"],
    "list of None": [None, None],
    "ragged": [[1], [1, 2]],
    "billions": (10**9, 10**9),
    "thousand twos": (2,) * 1000,
    "negatives": (-1, -1),
    "dictionary": {"a": 1},
    "set": {1, 2},
    "iterator": iter([1, 2]),
    "scalar array": np.array(2.5),
    "array of nan": np.full((2, 2), np.nan),
    "array of objects": np.array([None, "x"], dtype=object),
    "array of text": np.array(["seven"]),
    "empty array": np.zeros((0, 0), bool),
    "cube": np.ones((2, 2, 2), bool),
    "unsigned": np.array([[2**64 - 1]], np.uint64),
    "topology": topology.clos(4, 4, 2, 2, 2),
    "topology with too many paths": topology.hypercube(16),
    "old generator": np.random.RandomState(0),
}
_OURS = Path(fabric.__file__).parent


@dataclass(frozen=True)
class Fresh:
    """An argument that every call gets anew, since calls change it."""

    make: Callable[[], object]


def call(function: Callable, arguments: Mapping[str, object]) -> object:
    """What a function returns within the limits; a call that breaks them ends in a TimeoutError or MemoryError."""
    given = {name: value.make() if isinstance(value, Fresh) else value for name, value in arguments.items()}
    with limited():
        return function(**given)


def faults(
    function: Callable,
    right: Mapping[str, object],
    argument: str,
    *,
    accepted: Collection[str] | None = None,
    also: Iterable[str] = (),
    wrong: Mapping[str, object] = WRONG,
) -> list[str]:
    """Everything that a function does wrong with the values of `wrong` in place of one of its right arguments.

    Args:
        function: called with all arguments by name.
        right: arguments of a call that is right.
        argument: the one that is replaced.
        accepted: names of the wrong values that are right here after all; None: any may be.
        also: words of which an error may hold one instead of the argument's name.
        wrong: values by name.
    """
    found = []
    for kind, value in wrong.items():
        try:
            result = call(function, {**right, argument: value})
        except Exception as error:
            if fault := fault_of(error, argument, value, also):
                found.append(f"{argument} = {kind}: {fault}: {type(error).__name__}: {str(error)[:200]}")
        else:
            if accepted is not None and kind not in accepted:
                found.append(f"{argument} = {kind} gave {shown(result)}")
    return found


def fault_of(error: Exception, argument: str, value: object, also: Iterable[str] = ()) -> str:
    """Why an error is no good refusal of this argument; empty if it is one.

    A good one is a ValueError, TypeError or KeyError that a check of ours raises; it names the argument and shows the
    value, of one that is no plain number or text an entry or what it is.
    """
    message = str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    if not isinstance(error, ValueError | TypeError | KeyError):
        return "wrong kind of error"
    if not (Path(last.filename).is_relative_to(_OURS) and "raise" in (last.line or "")):
        return "not raised by a check"
    if not any(name.lower().rstrip("s") in message.lower() for name in (argument, *also)):
        return "does not name the argument"
    says_what = not is_plain(value) and re.search(r"\b(got|has|holds|it is|needs|takes)\b", message)
    if not (says_what or any(text in message for text in map(shown, [value, *_entries(value)]))):
        return "does not show the value"
    return "" if len(message) <= LONGEST else f"has {len(message)} characters"


def is_plain(value: object) -> bool:
    """Whether a value is a number or text or None, which an error can show as it is."""
    return value is None or isinstance(value, int | float | complex | str | bytes)


def _entries(value: object) -> list[object]:
    """What an error may show in place of a container: one of its entries."""
    if isinstance(value, np.ndarray):
        return [int(value.max()), *value] if value.dtype == np.uint64 else [*np.atleast_1d(value)]
    return list(value) if isinstance(value, list | tuple) else []


@contextmanager
def limited(seconds: int = SECONDS, size: int = BYTES) -> Iterator[None]:
    """Fail where the body takes longer (from within if it is Python) or more memory."""

    def too_late(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, too_late)
    resource.setrlimit(resource.RLIMIT_AS, (used + size, hard))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


def public(*modules: ModuleType) -> dict[str, Callable]:
    """All functions and classes that these modules hold and define, in themselves or below them, by full name."""
    own = tuple(module.__name__ for module in modules)
    found = [value for module in modules for name, value in vars(module).items() if not name.startswith("_")]
    return {
        f"{value.__module__}.{value.__qualname__}": value
        for value in found
        if callable(value) and hasattr(value, "__qualname__") and value.__module__.startswith(own)
    }

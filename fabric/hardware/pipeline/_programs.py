"""Programs for the tori of a pipeline: forward for a sample, then backward for an earlier one."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from fabric.hardware._checks import listed
from fabric.hardware.torus import Program, TorusMapping
from fabric.hardware.torus._program import BANKS, Backward, Forward
from fabric.hardware.torus._schedule import _numbered, _units

_KEPT = 4  # samples whose operands a processing element keeps
_FED = 3  # samples whose inputs a torus keeps where a row has more of them than places, beside the one that comes in


def lateness(mappings: Sequence[TorusMapping]) -> list[int]:
    """Samples that go forward in each torus between a sample's own pass there and its update.

    Two for each torus behind, so that a sample has a round to be handed on and a round to come back, but no more than
    a torus keeps operands for; at least one more than in the torus behind.

    Raises:
        TypeError, ValueError: something else than mappings; none, or more than four, than three if the first has more
            inputs on a row than columns; some that do not follow each other; more inputs on a row than columns in a
            torus behind another, which would keep no deltas of them.
    """
    found = listed("mappings", mappings, TorusMapping)
    kept = _FED if found and found[0].fed else _KEPT
    if not 1 <= len(found) <= kept:
        raise ValueError(f"mappings must be from 1 to {kept} behind each other, got {len(found)}")
    for before, after in pairwise(found):
        if before.outputs != after.inputs:
            raise ValueError(f"mappings must hand on {before.outputs} values, got {after!r} with {after.inputs}")
        if after.fed:
            raise ValueError(
                f"mappings must have columns for the {after.phases[0].values} inputs of a row behind the first torus, "
                f"got {after!r}"
            )
    return [min(2 * (len(found) - 1 - at), kept - 1 - at) for at in range(len(found))]


def programs(mappings: Sequence[TorusMapping]) -> list[Program]:
    """Of each torus. A torus behind another sends the deltas of that one's sums: through its activation, too.

    Raises:
        TypeError, ValueError: mappings that cannot stand behind each other, or cascades whose operands of several
            samples do not find room in a processing element.
    """
    found: list[Program] = []
    for at, (mapping, late) in enumerate(zip(mappings, lateness(mappings), strict=True)):
        forward, backward = _units(mapping, (0,) * len(mapping.phases), BANKS, at > 0, (), 0)
        backward = [replace(step, lag=late) for step in backward]
        below = mappings[at - 1].phases[-1].activation if at else "identity"
        backward[0] = replace(backward[0], kind=below, derive=int(below == "sigmoid"))
        steps: list[tuple[Forward | None, Backward | None]] = [(step, None) for step in forward]
        steps += [(None, step) for step in reversed(backward)]
        found.append(_numbered(mapping, "sequential", steps, 0))
    return found

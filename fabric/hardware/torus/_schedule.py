"""Programs for a mapping: which phases stand side by side, how long the slots are, where results are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from fabric.hardware._checks import choice, flag, instance, whole
from fabric.hardware.torus._mapping import TorusMapping
from fabric.hardware.torus._program import BANKS, MODES, MODES_OF, Backward, Forward, Mode, Program, Slot

_Steps = list[tuple[Forward | None, Backward | None]]
_READY = (0, 1, 3)  # cycles from the last product of a phase until another can begin with its result, by pipeline
_WRITTEN = 4  # cycles from the reading of a weight until its update can be read, where products are registered
_GONE = 4  # cycles and the pipeline's, from the last product of a result that leaves the torus to that of the next
_RESULTS = 4  # registers of an interleaving PE for results of phases, and as many for deltas
_STORED = 16  # activations that a PE can store
_IN_FLIGHT = 8  # samples whose inputs an interleaving machine holds


def program(
    mapping: TorusMapping,
    mode: Mode,
    scales: Sequence[int] | None = None,
    banks: int = BANKS,
    rotation: int | None = None,
    emit_deltas: bool = False,
    frozen: Sequence[int] = (),
    pipeline: int | None = None,
) -> Program:
    """The instructions for a mapping.

    "inference" goes forward only. "sequential" is exact stochastic gradient descent: forward, then backward, then the
    next sample. "overlapped" sends the next samples forward while the last ones go backward: in slot j phase j goes
    forward and phase (rotation - j) mod P backward, so that each weight memory is read at one address at most.
    "interleaved" does so too, but a sample's successive phases stand two slots apart, so that the result of each has a
    slot's time to get through the registers of a pipelined torus.

    Args:
        mapping: cascades on the torus.
        mode: one of `MODES`.
        scales: for each phase 0 to 3: its weight operands have that many fraction bits more than the format says.
        banks: weight memories of a PE, 1 or 3; overlapped and interleaved training need 3.
        rotation: of overlapped training as above; of interleaved training the slots between the last forward step of a
            sample and its first backward step. None for the one with the shortest interval.
        emit_deltas: send the deltas of the inputs out after each sample, for a torus before this one; sequential only.
        frozen: phases whose weights are not updated.
        pipeline: of the torus; None for 2 if training is interleaved, else 0. Overlapped training has pipeline 0.

    Raises:
        TypeError: another mapping than a `TorusMapping`.
        ValueError: an argument outside the above, or phases that cannot share the memories.
    """
    count = len(instance("mapping", mapping, TorusMapping).phases)
    choice("mode", mode, MODES)
    flag("emit_deltas", emit_deltas)
    scales = (0,) * count if scales is None else scales
    if not isinstance(scales, (list, tuple)) or len(scales) != count:
        raise ValueError(f"scales must be an integer from 0 to 3 for each of the {count} phases, got {scales!r}")
    scales = [whole(f"scales[{index}]", scale, 0, 3) for index, scale in enumerate(scales)]
    if not isinstance(frozen, (list, tuple)):
        raise TypeError(f"frozen must be a list of phases, got {frozen!r}")
    frozen = [whole(f"frozen[{index}]", phase, 0, count - 1) for index, phase in enumerate(frozen)]
    if frozen and mode == "inference":
        raise ValueError(f"frozen must be empty for a program that does not train, got {frozen}")
    if whole("banks", banks, 1, BANKS) not in (1, BANKS):
        raise ValueError(f"banks must be 1 or {BANKS}, got {banks}")
    together = mode in ("overlapped", "interleaved")
    if together and banks != BANKS:
        raise ValueError(f"{mode} training needs {BANKS} banks, got {banks}")
    if rotation is not None and not together:
        raise ValueError(
            f"rotation must be None for any but overlapped and interleaved training, got {rotation!r} for {mode}"
        )
    fit = [number for number, modes in enumerate(MODES_OF) if mode in modes]
    pipeline = whole("pipeline", fit[0] if pipeline is None else pipeline, 0, len(MODES_OF) - 1)
    if pipeline not in fit:
        raise ValueError(f"pipeline must be {fit[0]} for {mode} training, got {pipeline}")
    if emit_deltas and (mode != "sequential" or mapping.fed):
        raise ValueError(
            "emit_deltas needs sequential training and no more inputs on a row than the torus has columns, got "
            f"{mode} and {mapping.phases[0].values} inputs on {mapping.columns} columns"
        )
    forward, backward = _units(mapping, scales, banks, emit_deltas, frozen, pipeline)
    if not together:
        steps: _Steps = [(step, None) for step in forward]
        if mode == "sequential":
            steps += [(None, step) for step in reversed(backward)]
        return _numbered(mapping, mode, steps, pipeline)
    arrange = _overlapped if mode == "overlapped" else _interleaved
    rotations = range(count) if rotation is None else [whole("rotation", rotation, 0, count - 1)]
    found, refused = [], ""
    for turn in rotations:
        try:
            found.append(_numbered(mapping, mode, arrange(forward, backward, turn), pipeline))
        except ValueError as error:
            refused = str(error)
    if not found:
        raise ValueError(f"{count} phases cannot be {mode} with rotation {rotation}: {refused}")
    return min(found, key=_cost)


def bases(mapping: TorusMapping, banks: int) -> list[tuple[int, int]]:
    """Memory and first address of each phase's weights: phases are dealt to the memories in turn."""
    if whole("banks", banks, 1, BANKS) not in (1, BANKS):
        raise ValueError(f"banks must be 1 or {BANKS}, got {banks}")
    used = [0] * banks
    places = []
    for index, phase in enumerate(mapping.phases):
        places.append((index % banks, used[index % banks]))
        used[index % banks] += phase.length
    return places


def _units(
    mapping: TorusMapping,
    scales: Sequence[int],
    banks: int,
    emit_deltas: bool,
    frozen: Sequence[int],
    pipeline: int,
) -> tuple[list[Forward], list[Backward]]:
    forward, backward = [], []
    below = "identity"
    last = len(mapping.phases) - 1
    for index, (phase, (bank, base), scale) in enumerate(
        zip(mapping.phases, bases(mapping, banks), scales, strict=True)
    ):
        fed = index == 0 and mapping.fed
        by_row = phase.axis == "row"
        forward.append(
            Forward(
                phase=index,
                axis=phase.axis,
                bank=bank,
                base=base,
                length=phase.length,
                first=index == 0,
                final=index == last,
                fed=fed,
                kind=phase.activation,
                scale=scale,
                save=False,
                store=0,
                versions=1,
                rows=phase.rings if by_row else phase.neurons,
                columns=phase.neurons if by_row else phase.rings,
            )
        )
        backward.append(
            Backward(
                phase=index,
                axis=phase.axis,
                bank=bank,
                base=base,
                length=phase.length,
                first=index == last,
                fed=fed,
                kind=below,
                scale=scale,
                store=0,
                versions=1,
                lag=0,
                emit=index == 0 and emit_deltas,
                derive=1 + pipeline if below == "sigmoid" else 0,
                frozen=index in frozen,
            )
        )
        below = phase.activation
    return forward, backward


def _overlapped(forward: list[Forward], backward: list[Backward], rotation: int) -> _Steps:
    count = len(forward)
    begin = (rotation - (count - 1)) % count  # slot of the first backward step
    steps: _Steps = []
    for at in range(count):
        step = backward[(rotation - at) % count]
        steps.append((forward[at], replace(step, lag=1 + (begin + count - 1 - step.phase) // count)))
    return steps


def _interleaved(forward: list[Forward], backward: list[Backward], rotation: int) -> _Steps:
    """Steps of one sample two slots apart; half of an even number of phases one slot later, where slots are free."""
    count = len(forward)
    times = [2 * k + (count % 2 == 0 and k >= count // 2) for k in range(count)] if count != 2 else [0, 1]
    begin = times[-1] + 1 + rotation
    steps: _Steps = [(None, None)] * count
    for step, time in zip(forward, times, strict=True):
        steps[time % count] = (replace(step, lag=time // count), None)
    for back, time in zip(reversed(backward), times, strict=True):
        at = (begin + time) % count
        steps[at] = (steps[at][0], replace(back, lag=(begin + time) // count))
    return steps


def _numbered(mapping: TorusMapping, mode: Mode, steps: _Steps, pipeline: int) -> Program:
    """Give every saved activation and every waiting result its place, every slot its length, and close the round."""
    for f, b in steps:
        if f and b and f.bank == b.bank and f.phase != b.phase:
            raise ValueError("two of them would read one memory at once")
    steps = _kept(_stored(steps), pipeline)
    if mapping.fed and any(b and b.fed and b.lag + 2 > _IN_FLIGHT for _, b in steps):
        raise ValueError(f"a machine holds the inputs of {_IN_FLIGHT} samples at most")
    lengths = _lengths(steps, pipeline)
    last = len(steps) - 1
    slots = (Slot(cycles, f, b, at == last) for at, (cycles, (f, b)) in enumerate(zip(lengths, steps, strict=True)))
    return Program(mapping, mode, tuple(slots), pipeline)


def _stored(steps: _Steps) -> _Steps:
    """As many places for every saved activation as samples hold it at once."""
    written = {f.phase: (f.lag, at) for at, (f, _) in enumerate(steps) if f}
    places, used = {}, 0
    for at, (_, b) in enumerate(steps):
        if b:
            lag, since = b.lag - written[b.phase][0], written[b.phase][1]
            # The operands of a later sample may be written in the slot in which those of this one are read, not before.
            versions = next((v for v in (1, 2, 4) if (lag - v, at) <= (0, since)), None)
            if versions is None:
                raise ValueError("an activation would have to be kept for more than four samples")
            places[b.phase] = (used, versions)
            used += versions
    if used > _STORED:
        raise ValueError(f"a PE stores {_STORED} activations at most, this program needs {used}: use fewer cascades")
    placed: _Steps = []
    for f, b in steps:
        if f and f.phase in places:
            f = replace(f, save=True, store=places[f.phase][0], versions=places[f.phase][1])
        if b:
            b = replace(b, store=places[b.phase][0], versions=places[b.phase][1])
        placed.append((f, b))
    return placed


def _kept(steps: _Steps, pipeline: int) -> _Steps:
    """A register for every result until the next phase takes it; only an interleaving PE has more than one."""
    if pipeline < 2:
        return steps
    count, kept = len(steps), list(steps)
    forward, backward = _in_order(steps)
    results = _coloured([time for time, _ in forward], count)
    for (time, f), source, result in zip(forward, [0, *results], results, strict=False):
        kept[time % count] = (replace(f, source=source, result=result), kept[time % count][1])
    results = _coloured([time for time, _ in backward], count)
    for (time, b), source, result in zip(backward, [0, *results], results, strict=False):
        kept[time % count] = (kept[time % count][0], replace(b, source=source, result=result))
    return kept


def _in_order(steps: _Steps) -> tuple[list[tuple[int, Forward]], list[tuple[int, Backward]]]:
    """The steps of one sample with their slots, counted from its first."""
    count = len(steps)
    forward = [(f.lag * count + at, f) for at, (f, _) in enumerate(steps) if f]
    backward = [(b.lag * count + at, b) for at, (_, b) in enumerate(steps) if b]
    return sorted(forward, key=lambda item: item[0]), sorted(backward, key=lambda item: item[0])


def _coloured(times: list[int], count: int) -> list[int]:
    """A register for the result of each step, such that none is written in the slots in which it holds another."""
    held = [range(a, b) for a, b in zip(times, [*times[1:], times[-1] + 1], strict=True)] if times else []
    taken: list[set[int]] = [set() for _ in range(_RESULTS)]
    colours = []
    for slots in held:
        busy = {slot % count for slot in slots}
        free = [colour for colour, used in enumerate(taken) if not used & busy]
        if not free or len(busy) < len(slots):
            raise ValueError(f"a PE keeps {_RESULTS} results at most")
        taken[free[0]] |= busy
        colours.append(free[0])
    return colours


def _lengths(steps: _Steps, pipeline: int) -> list[int]:
    """Cycles of each slot: the longer of its steps, and more where a result or a weight would not be ready."""
    lengths = [max(step.cycles for step in pair if step) for pair in steps]
    if not pipeline:
        return lengths
    count = len(steps)
    for at, (_, b) in enumerate(steps):
        after = [step.phase for step in steps[(at + 1) % count] if step]
        if b and b.phase in after:
            lengths[at] = max(lengths[at], _WRITTEN)
    for begin, end, cycles in _handed(steps):
        between = sum(lengths[slot % count] for slot in range(begin, end))
        lengths[(end - 1) % count] += max(0, cycles + _READY[pipeline] - between)
    for slot, begin, longer in _leaving(steps):
        lengths[slot] += max(0, _GONE + pipeline - longer - sum(lengths[at % count] for at in range(slot, begin)))
    # The next sample must be in.
    least = 1 + next(f.length for f, _ in steps if f and f.first)
    lengths[-1] += max(0, least - sum(lengths))
    return lengths


def _leaving(steps: _Steps) -> Iterator[tuple[int, int, int]]:
    """Each slot whose result leaves the torus, the slot of the next such result, by how many cycles that is longer."""
    leaving = [
        (at, step.cycles)
        for at, (f, b) in enumerate(steps)
        for step in (f if f and f.final else None, b if b and b.emit else None)
        if step
    ]
    for (slot, cycles), (begin, after) in pairwise([*leaving, (leaving[0][0] + len(steps), leaving[0][1])]):
        yield slot, begin, after - cycles


def _handed(steps: _Steps) -> Iterator[tuple[int, int, int]]:
    """Slots in which a result is made and taken, and cycles of its making."""
    forward, backward = _in_order(steps)
    for (begin, f), (end, _) in pairwise(forward):
        yield begin, end, f.cycles
    for (begin, b), (end, _) in pairwise(backward):
        yield begin, end, b.cycles


def _cost(candidate: Program) -> tuple[int, int]:
    """Interval first, then how late updates are."""
    return sum(slot.cycles for slot in candidate.slots) + candidate.waits, sum(candidate.late().values())

"""Data in, frontier out: networks, word lengths and ways to train that nothing beats on a device."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fabric._checks import function, instance, one_of, positive_int, sequence, shown
from fabric._checks import seed as checked_seed
from fabric.codesign._candidates import candidates, spread
from fabric.codesign._design import MODES, Design, Mode
from fabric.codesign._frontier import Frontier, Point
from fabric.codesign._network import FAMILIES, Network
from fabric.codesign._surrogate import Lesson, Surrogate
from fabric.codesign._task import Budget, Device, Task
from fabric.codesign._training import number_format, train
from fabric.hardware._checks import listed

METHODS = ("enumerate", "random", "evolve")
_WORDS = (6, 9, 12)
_RATES = (4, 5, 6)  # the learning rate of an epoch is two to minus these


def explore(
    task: Task,
    device: Device,
    budget: Budget | None = None,
    surrogate: Surrogate | None = None,
    families: Sequence[str] = FAMILIES,
    words: Sequence[int] = _WORDS,
    modes: Sequence[Mode] = MODES,
    method: str = "enumerate",
    evaluations: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Frontier:
    """Choose a network and its machine together.

    A few networks of each family are trained in the machine's arithmetic, a fit to them predicts the accuracy of all
    others, models say what each costs. Nothing is built.

    Args:
        task: samples to classify.
        device: whose logic elements, memory blocks and multipliers limit a torus.
        budget: other limits; None for none.
        surrogate: of accuracy; None to train for it, see `learn_from`.
        families: some of `FAMILIES`. Butterflies are modelled only: no machine here runs them.
        words: bits of operands, 5 to 12.
        modes: some of `MODES`.
        method: "enumerate" looks at all designs, "random" at some of them, "evolve" breeds them by NSGA-III (pymoo).
        evaluations: how many designs are looked at; None for all, which only "enumerate" takes.
        seed: of trainings and of the search.
        progress: show a bar while networks are trained.

    Raises:
        TypeError, ValueError: an argument outside these; no design that the device and the budget allow.
        MissingToolError: pymoo is not installed, for "evolve".
    """
    instance("task", task, Task)
    designs = all_designs(task.features, task.classes, families, words, modes)
    if surrogate is None:
        allowed = [design.network for design in designs if fits(design, device)]
        if not allowed:
            raise ValueError(f"device must hold some design, {device} holds none of {len(designs)}")
        surrogate = learn_from(task, list(dict.fromkeys(allowed)), words, seed, progress=progress)
    evaluate = judge(device, budget, surrogate)
    found = search(designs, evaluate, method, evaluations, seed)
    frontier = Frontier([point for point in found if point is not None], sum(point is None for point in found))
    if not len(frontier):
        held = [design for design in designs if fits(design, device)]
        passed = Counter(limit for design in held for limit in passes(predict(design, surrogate), budget or Budget()))
        raise ValueError(
            f"device and budget must allow some design, {device} with {budget} allows none of the {len(found)} that "
            f"were looked at: the device holds {len(held)} of all {len(designs)}"
            + "".join(f", {limit} passes its limit in {count} of these" for limit, count in passed.most_common())
        )
    return frontier


def all_designs(
    features: int,
    classes: int,
    families: Sequence[str] = FAMILIES,
    words: Sequence[int] = _WORDS,
    modes: Sequence[Mode] = MODES,
) -> list[Design]:
    """Every candidate in every word length and mode, but for those that no torus can run.

    Raises:
        ValueError: sizes, families, words or modes outside those of `explore`.
    """
    for name, given in (("words", words), ("modes", modes)):
        if not len(sequence(name, given, "a choice")):
            raise ValueError(f"{name} must hold at least one, got {shown(given)}")
    words = list(dict.fromkeys([number_format(word).word for word in words]))
    for mode in modes:
        one_of("modes", mode, MODES)
    designs = []
    for network in candidates(features, classes, families):
        for mode in dict.fromkeys(modes):
            try:
                designs += [Design(network, word, mode) for word in words]
            except ValueError:  # phases that cannot overlap, or more than a place stores
                continue
    return designs


def fits(design: Design, device: Device) -> bool:
    """Whether the device has the logic elements, by the estimate, the memory blocks and the multipliers."""
    instance("device", device, Device)
    instance("design", design, Design)
    return (
        design.multipliers <= device.multipliers
        and design.memory_blocks <= device.memory_blocks
        and design.logic_elements <= device.logic_elements
    )


def judge(device: Device, budget: Budget | None, surrogate: Surrogate) -> Callable[[Design], Point | None]:
    """A function from a design to what the models say of it, or None where a limit is passed."""
    limits = instance("budget", budget if budget is not None else Budget(), Budget)
    instance("surrogate", surrogate, Surrogate)
    instance("device", device, Device)

    def evaluate(design: Design) -> Point | None:
        if not fits(design, device):
            return None
        point = predict(design, surrogate)
        return None if passes(point, limits) else point

    return evaluate


def predict(design: Design, surrogate: Surrogate) -> Point:
    """What the models say of a design."""
    network, word = design.network, design.word
    nanojoules = 1e-3 * design.picojoules(surrogate.activity(network, word))
    return Point(design, *surrogate.accuracy(network, word), nanojoules)


def passes(point: Point, limits: Budget) -> list[str]:
    """Names of the limits that a design is outside of."""
    taken = {"weights": point.design.network.weights, "microseconds": point.microseconds, "latency": point.latency,
             "nanojoules": point.nanojoules}  # fmt: skip
    outside = [name for name, value in taken.items() if (most := getattr(limits, name)) is not None and value > most]
    return outside + ["accuracy"] * (limits.accuracy is not None and point.accuracy < limits.accuracy)


def learn_from(
    task: Task,
    networks: Sequence[Network],
    words: Sequence[int] = _WORDS,
    seed: int = 0,
    each: int = 4,
    progress: bool = False,
) -> Surrogate:
    """Train `each` networks of each family, spread over sizes, in every word length, and fit a surrogate to them."""
    x, tests = instance("task", task, Task).parts
    checked_seed(seed)
    if not len(sequence("words", words, "word lengths")):
        raise ValueError(f"words must hold at least one, got {shown(words)}")
    chosen = [(network, word) for network in spread(networks, each) for word in words]
    lessons = []
    for network, word in _shown(chosen, progress):
        lessons.append(Lesson(network, word, train(network, word, x, tests, _RATES, seed)))
    return Surrogate(lessons)


def search(
    designs: Sequence[Design],
    evaluate: Callable[[Design], Point | None],
    method: str,
    evaluations: int | None = None,
    seed: int = 0,
) -> list[Point | None]:
    """What a search looks at, in turn, each design once.

    Raises:
        ValueError: an unknown method, or no number of evaluations for one that needs it.
    """
    designs = listed("designs", designs, Design)
    if not designs:
        raise ValueError(f"designs must hold at least one, got {designs!r}")
    function("evaluate", evaluate)
    one_of("method", method, METHODS)
    checked_seed(seed)
    if evaluations is None and method != "enumerate":
        raise ValueError(f"evaluations must be given for {method}, got None")
    count = len(designs) if evaluations is None else min(positive_int("evaluations", evaluations), len(designs))
    if method == "evolve":
        from fabric.codesign._evolution import evolve

        return evolve(designs, evaluate, count, seed)
    chosen = range(count)
    if method == "random":
        chosen = np.random.default_rng(seed).permutation(len(designs))[:count]  # type: ignore[assignment]
    return [evaluate(designs[at]) for at in chosen]


def _shown(chosen: list[tuple[Network, int]], progress: bool) -> Iterator[tuple[Network, int]]:
    from tqdm.auto import tqdm

    yield from tqdm(chosen, "trainings", unit="network", disable=not progress)

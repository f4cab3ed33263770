"""Cycle simulator of the junction machine: which process works on which sample when, and what that costs.

A sample needs FF in every junction, then BP and UP from the last junction to the first, which has no BP: nothing lies
below the inputs. Time goes in blocks, in each of which a junction passes once over its rows of weights; the processes
that run in it share the row that is read. In every block the simulator starts what has its operands and finds its
hardware free, oldest samples first. Everything reported is counted from what ran: no formula of the pipeline is built
in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fabric.hardware._checks import choice, instance, whole
from fabric.hardware.junctions._network import LATENCY, JunctionNetwork

SHARING = ("one process", "parallel processes", "junction pipeline", "both")
PROCESSES = ("FF", "BP", "UP")
_MOST_SAMPLES, _MOST_CYCLES = 2_000, 1 << 30


@dataclass(frozen=True, order=True)
class Task:
    """One process of one junction, counted from 1, on one sample; from its first address to its last write."""

    block: int
    junction: int
    process: str
    sample: int
    start: int
    end: int


@dataclass(frozen=True)
class Schedule:
    """What ran.

    Attributes:
        network: what was simulated.
        samples: how many were trained.
        tasks: in the order of their blocks.
    """

    network: JunctionNetwork
    samples: int
    tasks: tuple[Task, ...]

    @property
    def cycles(self) -> int:
        """From the first address to the last write."""
        return max(task.end for task in self.tasks)

    @property
    def interval(self) -> float:
        """Cycles from sample to sample once the pipeline is full: mean over the second half of the samples."""
        ends = [max(task.end for task in self.of(sample)) for sample in (self.samples // 2 - 1, self.samples - 1)]
        return (ends[1] - ends[0]) / (self.samples - self.samples // 2)

    def of(self, sample: int) -> list[Task]:
        """The tasks of a sample."""
        return [task for task in self.tasks if task.sample == sample]

    def staleness(self, junction: int) -> int:
        """Earlier samples whose updates the last sample's FF in this junction does not see."""
        begins = next(t.start for t in self.of(self.samples - 1) if (t.junction, t.process) == (junction, "FF"))
        updates = [t for t in self.tasks if (t.junction, t.process) == (junction, "UP") and t.sample < self.samples - 1]
        return sum(update.end > begins for update in updates)

    def banks(self, layer: int) -> int:
        """Most samples whose activations of a layer (0: inputs) are held in one block, those being written included."""
        held: Counter[int] = Counter()
        for sample in range(self.samples):
            read = [t.block for t in self.of(sample) if t.junction == layer + 1]
            written = [t.block for t in self.of(sample) if t.junction == layer and t.process == "FF"]
            held.update(range(min(written or [min(read) - 1]), max(read) + 1))
        return max(held.values())

    def weight_reads(self) -> float:
        """Rows of weights read for each row that a process used: 1/3 if all three always share."""
        used = sum(self.network.junctions[task.junction - 1].cycles for task in self.tasks)
        passes = {(task.block, task.junction) for task in self.tasks}
        return sum(self.network.junctions[junction - 1].cycles for _, junction in passes) / used


def simulate(
    network: JunctionNetwork,
    samples: int,
    sharing: str = "both",
    latency: int = LATENCY,
    stalls: Sequence[int] | None = None,
) -> Schedule:
    """Train `samples` samples.

    Args:
        network: junctions and their degrees of parallelism.
        samples: at least four for each junction, so that the pipeline is full for a while; at most 2,000.
        sharing: "one process" of one junction at a time; "parallel processes": one sample at a time, but BP and UP of a
            junction side by side; "junction pipeline": one process of each junction at a time, junctions side by side;
            "both".
        latency: cycles of a block after its last address.
        stalls: cycles that each junction loses to clashes in a pass; None for none.

    Raises:
        TypeError: another network than a `JunctionNetwork`.
        ValueError: an unknown sharing, too few samples or too many, cycles that are no numbers from 0.
    """
    instance("network", network, JunctionNetwork)
    choice("sharing", sharing, SHARING)
    samples = whole("samples", samples, 4 * len(network), _MOST_SAMPLES)
    latency = whole("latency", latency, 0, _MOST_CYCLES)
    stalls = [0] * len(network) if stalls is None else stalls
    if not isinstance(stalls, (list, tuple)) or len(stalls) != len(network):
        raise ValueError(f"stalls must be a list of cycles for each of the {len(network)} junctions, got {stalls!r}")
    lost = [whole(f"stalls[{at}]", stall, 0, _MOST_CYCLES) for at, stall in enumerate(stalls)]
    passes = [junction.cycles + stall + latency for junction, stall in zip(network.junctions, lost, strict=True)]
    waiting = [(sample, *work) for sample in range(samples) for work in _work(len(network))]
    done: set[tuple[int, int, str]] = set()
    tasks: list[Task] = []
    clock = block = 0
    while waiting:
        chosen = _choose(waiting, done, sharing, len(network))
        tasks += [Task(block, j, process, sample, clock, clock + passes[j - 1]) for sample, j, process in chosen]
        done.update(chosen)
        waiting = [work for work in waiting if work not in done]
        clock += max(passes[junction - 1] for _, junction, _ in chosen)
        block += 1
    return Schedule(network, samples, tuple(sorted(tasks)))


def _work(depth: int) -> list[tuple[int, str]]:
    """Junction and process of all that one sample needs, first things first."""
    backward = [(junction, process) for junction in range(depth, 0, -1) for process in ("BP", "UP")]
    return [(junction, "FF") for junction in range(1, depth + 1)] + [work for work in backward if work != (1, "BP")]


def _choose(
    waiting: list[tuple[int, int, str]], done: set[tuple[int, int, str]], sharing: str, depth: int
) -> list[tuple[int, int, str]]:
    """What runs in the next block; `waiting` begins with the oldest sample."""
    chosen: list[tuple[int, int, str]] = []
    taken: set[tuple[int, str] | int | None] = set()
    oldest = waiting[0][0]
    for sample, junction, process in waiting:
        if sample > oldest + 2 * depth or (sample > oldest and sharing in ("one process", "parallel processes")):
            break
        unit = {"one process": None, "junction pipeline": junction}.get(sharing, (junction, process))
        if process != "FF":
            before = (sample, junction + 1, "BP") if junction < depth else (sample, depth, "FF")
            ready = before in done
        else:
            # A layer's results have one place until the next junction takes them.
            free = junction == depth or sample == 0 or (sample - 1, junction + 1, "FF") in done | set(chosen)
            ready = free and (junction == 1 or (sample, junction - 1, "FF") in done)
        if ready and unit not in taken:
            chosen.append((sample, junction, process))
            taken.add(unit)
    return chosen

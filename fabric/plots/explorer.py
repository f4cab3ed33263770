"""Turn the knobs of a topology and watch its paths and counts, with sliders or on a page without a kernel."""

import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from fabric import topology
from fabric._checks import Named
from fabric.constraints import jacobian_rank
from fabric.hardware import FixedPoint, TorusMapping, cycles, program
from fabric.plots.looks import EDGE, FAMILIES, INK, MARKED
from fabric.topology import Topology

_SCRIPT = Path(__file__).with_name("explorer.js")
_STYLE = """
body { font-family: sans-serif; margin: 0; color: #2F3B47; background: white; }
svg { width: 100%; max-height: 26rem; display: block; }
.counts { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; padding: 0.4rem 0.6rem; font-size: 0.9rem; }
.knobs { display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem; padding: 0.6rem; font-size: 0.9rem; align-items: center; }
.knobs input { vertical-align: middle; }
"""


@dataclass(frozen=True)
class Knobs:
    """A family to play with: how its members are made, and what each argument may be; the start comes first."""

    make: Callable[..., Topology]
    values: Mapping[str, tuple[int, ...]]
    start: tuple[int, ...]

    def members(self) -> Iterator[tuple[tuple[int, ...], Topology]]:
        """All combinations that exist, and their topologies."""
        for chosen in product(*self.values.values()):
            try:
                yield chosen, self.make(*chosen)
            except ValueError:  # the family has no such member
                continue


def _square(make: Callable[..., Topology]) -> Callable[[int, int], Topology]:
    return lambda side, depth: make((side, side), depth)


def _drawn(n: int, edges: int) -> Topology:
    return topology.random_sparse(n, n, edges, np.random.default_rng(0))


KNOBS: Mapping[str, Knobs] = Named(
    "family",
    {
        "clos": Knobs(
            lambda n, r_i, r_m, r_o: topology.clos(n, n, r_i, r_m, r_o),
            {"n": (8, 16, 32), "R_i": (2, 4, 8), "R_m": (1, 2, 4, 8), "R_o": (2, 4, 8)},
            (16, 4, 2, 4),
        ),
        "butterfly": Knobs(topology.butterfly, {"n": (4, 8, 16, 32), "radix": (2, 4)}, (16, 2)),
        "parallel_butterfly": Knobs(topology.parallel_butterfly, {"n": (4, 8, 16, 32), "count": (1, 2, 3)}, (32, 2)),
        "hypercube": Knobs(topology.hypercube, {"n": (4, 8, 16, 32), "depth": (1, 2, 3, 4, 5)}, (32, 5)),
        "torus": Knobs(_square(topology.torus), {"side": (3, 4, 5), "depth": (1, 2, 3, 4)}, (5, 4)),
        "mesh": Knobs(_square(topology.mesh), {"side": (3, 4, 5), "depth": (1, 2, 3, 4)}, (5, 4)),
        "low_rank": Knobs(
            lambda n, rank: topology.low_rank(n, n, rank), {"n": (8, 16, 32), "rank": (1, 2, 4, 8)}, (16, 2)
        ),
        "random_sparse": Knobs(_drawn, {"n": (8, 16, 32), "edges": (16, 32, 64, 128)}, (16, 64)),
    },
)


def describe(shown: Topology, cascade: tuple[int, ...] | None = None) -> dict[str, Any]:
    """What the picture needs, as JSON takes it.

    Args:
        shown: up to a few hundred edges stay readable.
        cascade: (I, O, R_i, R_m, R_o) if it is a Clos cascade; adds its routers and its cycles on the torus.

    Returns:
        "widths"; "stages", for each the (from, to) of its edges; "counts", name to text; "routers" of a cascade.
    """
    few, most = shown.path_diversity
    dense = shown.inputs * shown.outputs
    counts = {
        f"weights of {dense} (density {shown.parameters / dense:.2f})": f"{shown.parameters}",
        "paths between an input and an output": f"{few}" if few == most else f"{few} … {most}",
        "entries of the matrix that can be hit exactly": f"{jacobian_rank(shown, np.random.default_rng(0))}",
        "bits of weight memory": f"{shown.parameters * FixedPoint().weight}",
    }
    told: dict[str, Any] = {
        "widths": list(shown.widths),
        "stages": [np.argwhere(stage.T).tolist() for stage in shown.stages],
        "counts": counts,
    }
    if cascade is not None:
        told["routers"] = list(_routers(shown, cascade[2:]))
        counts["cycles a trained sample on the torus"] = _torus_cycles(cascade)
    return told


def _routers(shown: Topology, counts: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Routers whose inputs and outputs lie side by side; those of the middle stages are spread over their levels."""
    for stage, count in ((0, counts[0]), (len(shown.stages) - 1, counts[-1])):
        before = np.cumsum([0, *topology.router_sizes(shown.widths[stage], count)])
        after = np.cumsum([0, *topology.router_sizes(shown.widths[stage + 1], count)])
        for router in range(count):
            yield {
                "stage": stage,
                "inputs": before[router : router + 2].tolist(),
                "outputs": after[router : router + 2].tolist(),
            }


def _torus_cycles(cascade: tuple[int, ...]) -> str:
    try:
        return f"{cycles(program(TorusMapping([cascade]), 'overlapped')).interval}"
    except ValueError:
        return "no"


def _told(family: str, chosen: tuple[int, ...], member: Topology) -> dict[str, Any]:
    return describe(member, (chosen[0], *chosen) if family == "clos" else None)


def _colors(family: str) -> str:
    return json.dumps({"ink": INK, "edge": EDGE, "marked": MARKED, "router": FAMILIES[family].color})


def picture(family: str, chosen: tuple[int, ...]) -> str:
    """A page with one member of a family, as HTML.

    Raises:
        ValueError: the family has no such member.
        KeyError: no such family in `KNOBS`.
    """
    told = json.dumps(_told(family, chosen, KNOBS[family].make(*chosen)))
    return (
        f"<style>{_STYLE}</style><svg></svg><div class='counts'></div><script>{_SCRIPT.read_text(encoding='utf-8')}"
        f"drawTopology(document.querySelector('svg'), {told}, {_colors(family)});"
        f"tellCounts(document.querySelector('.counts'), {told});</script>"
    )


def explorer() -> widgets.Widget:
    """Choose a family and turn its knobs; hover over an input and an output to light the paths between them."""
    families = widgets.Dropdown(options=[(FAMILIES[name].label, name) for name in KNOBS], description="family")
    sliders, shown = widgets.HBox(), widgets.HTML()

    def redraw(_change: object = None) -> None:
        chosen = tuple(slider.value for slider in sliders.children)
        try:
            page = picture(families.value, chosen)
        except ValueError as error:  # knobs that do not fit: say so where the picture was
            page = f"<p style='font-family: sans-serif'>{html.escape(str(error))}</p>"
        shown.value = f'<iframe style="width: 100%; height: 30rem; border: 0" srcdoc="{html.escape(page)}"></iframe>'

    def choose(_change: object = None) -> None:
        knobs = KNOBS[families.value]
        sliders.children = [
            widgets.SelectionSlider(options=values, value=start, description=name)
            for (name, values), start in zip(knobs.values.items(), knobs.start, strict=True)
        ]
        for slider in sliders.children:
            slider.observe(redraw, names="value")
        redraw()

    families.observe(choose, names="value")
    choose()
    return widgets.VBox([families, sliders, shown])


def page() -> str:
    """The explorer as one HTML page without a kernel: every member of every family in `KNOBS`, described beforehand."""
    bank = {
        family: {
            "label": FAMILIES[family].label,
            "knobs": {name: list(values) for name, values in knobs.values.items()},
            "start": list(knobs.start),
            "colors": json.loads(_colors(family)),
            "members": {",".join(map(str, chosen)): _told(family, chosen, t) for chosen, t in knobs.members()},
        }
        for family, knobs in KNOBS.items()
    }
    return (
        f"<!doctype html><meta charset='utf-8'><title>Explorer</title><style>{_STYLE}</style>"
        "<div class='knobs'><select></select><span id='knobs' class='knobs'></span></div><svg></svg>"
        f"<div class='counts'></div><script>{_SCRIPT.read_text(encoding='utf-8')}"
        f"exploreBank({json.dumps(bank, separators=(',', ':'))});</script>"
    )

"""Turn the knobs of a Clos cascade and watch parameters and paths."""

import io

import ipywidgets as widgets
from matplotlib.figure import Figure

from fabric.plots.topology import draw_clos_routers, draw_topology
from fabric.topology import clos


def clos_explorer(inputs: int = 8, outputs: int = 8) -> widgets.Widget:
    """Sliders for R_i, R_m and R_o of a small cascade; routers, neurons and counts follow them."""
    sliders = [
        widgets.IntSlider(value=value, min=1, max=upper, description=name)
        for name, value, upper in (("R_i", 4, inputs), ("R_m", 2, 8), ("R_o", 4, outputs))
    ]
    picture = widgets.HTML()

    def redraw(_change: object) -> None:
        picture.value = _describe((inputs, outputs, *(slider.value for slider in sliders)))

    for slider in sliders:
        slider.observe(redraw, names="value")
    redraw(None)
    return widgets.VBox([widgets.HBox(sliders), picture])


def _describe(cascade: tuple[int, int, int, int, int]) -> str:
    """The cascade as HTML: its picture as SVG and a line of counts."""
    topology = clos(*cascade)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_clos_routers(left, *cascade)
    draw_topology(right, topology, path=(0, topology.outputs - 1), title="as neurons")
    svg = io.StringIO()
    figure.savefig(svg, format="svg")
    return (
        f"{svg.getvalue()}<p>{topology.parameters} parameters (dense: {topology.inputs * topology.outputs}), "
        f"{topology.path_diversity[0]} paths between every input and every output</p>"
    )

"""Figures in one style."""

from fabric.plots.accuracy import (
    accuracy_against_parameters,
    accuracy_curves,
    mark_compression,
    mark_published,
    network_looks,
)
from fabric.plots.cells import draw_cells
from fabric.plots.coloring import draw_coloring_step, draw_constraint_counts
from fabric.plots.density import (
    accuracy_against_bytes,
    accuracy_against_density,
    accuracy_against_weights,
    accuracy_by_pattern,
)
from fabric.plots.memories import draw_banks, draw_reads
from fabric.plots.pipeline import draw_pipeline, draw_speed_up, draw_staleness, draw_trade_off
from fabric.plots.style import COLORS, LABELS, use_style
from fabric.plots.topology import draw_clos_routers, draw_topology

__all__ = [
    "COLORS",
    "LABELS",
    "accuracy_against_bytes",
    "accuracy_against_density",
    "accuracy_against_parameters",
    "accuracy_against_weights",
    "accuracy_by_pattern",
    "accuracy_curves",
    "draw_banks",
    "draw_cells",
    "draw_clos_routers",
    "draw_coloring_step",
    "draw_constraint_counts",
    "draw_pipeline",
    "draw_reads",
    "draw_speed_up",
    "draw_staleness",
    "draw_topology",
    "draw_trade_off",
    "mark_compression",
    "mark_published",
    "network_looks",
    "use_style",
]

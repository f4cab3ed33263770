"""Figures in one style: the contents page, one line for each module that draws."""

# ruff: noqa: F401 (this page imports for others)

from fabric import _artifact as _artifact
from fabric.plots.accuracy import (
    accuracy_against_parameters,
    accuracy_curves,
    accuracy_over_batch_sizes,
    mark_compression,
    mark_published,
    network_looks,
)
from fabric.plots.cells import draw_cells
from fabric.plots.codesign import (
    draw_correlations,
    draw_movement,
    draw_surrogate,
    frontier_slices,
    parallel_coordinates,
    search_curves,
)
from fabric.plots.coloring import draw_coloring_step, draw_constraint_counts
from fabric.plots.conversion import accuracy_after_conversion, error_by_ridge, error_by_routers, error_by_spectrum
from fabric.plots.convolution import compression_against_width, shares_by_kind
from fabric.plots.convolution_accuracy import accuracy_by_name, accuracy_by_structure
from fabric.plots.cycles import cycles_against_size
from fabric.plots.density import (
    accuracy_against_bytes,
    accuracy_against_density,
    accuracy_against_weights,
    accuracy_by_pattern,
)
from fabric.plots.depth import depth_figure
from fabric.plots.edge_budget import accuracy_of_rivals, bytes_at_equal_accuracy, energy_per_sample
from fabric.plots.federated import accuracy_by_bytes
from fabric.plots.frames import player
from fabric.plots.growth import accuracy_against_updates, accuracy_of_arms
from fabric.plots.heuristics import accuracy_against_coloring, accuracy_ranking, rank_correlations
from fabric.plots.initialization import training_figure, variance_figure
from fabric.plots.inverse_plasticity import logic_of_weights
from fabric.plots.layer_kinds import hits_over_cache, share_of_connected_layers
from fabric.plots.looks import LOOKS, dataset_label
from fabric.plots.memories import draw_banks, draw_reads, draw_variants
from fabric.plots.memory_wall import step_parts, time_per_epoch
from fabric.plots.mobilenet import (
    accuracy_against_compression,
    draw_fit_errors,
    draw_network_times,
    draw_pilot,
    draw_spectra,
)
from fabric.plots.on_chip import accuracy_of_seeds, accuracy_over_samples, throughput_over_clock
from fabric.plots.order import accuracy_by_order
from fabric.plots.pipeline import (
    draw_machines,
    draw_pipeline,
    draw_speed_up,
    draw_staleness,
    draw_trade_off,
    pipeline_frames,
)
from fabric.plots.reconstruction import draw_hits, hits_legend
from fabric.plots.recurrence import mark_published_mean, reached_against_weights, weights_growing
from fabric.plots.resources import clock_and_time, resources_by_module, resources_growing, resources_per_element
from fabric.plots.search import hypervolume_curves, pareto_panels
from fabric.plots.sizes import accuracy_over_width, difference_over_weights
from fabric.plots.skips import draw_skip_accuracy, draw_skip_constraints
from fabric.plots.speed import draw_faster, draw_roofline, draw_seconds, draw_shares, draw_times
from fabric.plots.style import use_style
from fabric.plots.timing import timing_diagram
from fabric.plots.topology import draw_clos_routers, draw_topology
from fabric.plots.torus import draw_cascade, draw_space_time, draw_step, draw_torus, movement_frames
from fabric.plots.transformer import (
    conversion_of_gpt,
    loss_against_costs,
    loss_over_iterations,
    loss_over_rates,
    perceptrons_over_operations,
)
from fabric.plots.word_length import accuracy_of_networks, accuracy_over_bits

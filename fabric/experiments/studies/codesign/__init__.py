"""Networks and their machines chosen together (notebook 35_codesign)."""

from fabric.experiments.studies.codesign._machines import AreaConfig, areas, measure_area, synthesised_designs
from fabric.experiments.studies.codesign._movement import LINKS, choice_matters, equal_weights, movement
from fabric.experiments.studies.codesign._pipelines import (
    PipelineConfig,
    RowConfig,
    pipeline_accuracy,
    pipeline_costs,
    rows_of_tori,
    simulate_row,
    slowest_sets_the_pace,
    train_pipeline,
)
from fabric.experiments.studies.codesign._searches import (
    Space,
    correlations,
    energy_ranking,
    left_out,
    retrained,
    searches,
    surrogate_of,
    to_retrain,
)
from fabric.experiments.studies.codesign._tables import area_errors, described, families, search_table
from fabric.experiments.studies.codesign._trained import LessonConfig, learn, lessons

__all__ = [
    "LINKS",
    "AreaConfig",
    "LessonConfig",
    "PipelineConfig",
    "RowConfig",
    "Space",
    "area_errors",
    "areas",
    "choice_matters",
    "correlations",
    "described",
    "energy_ranking",
    "equal_weights",
    "families",
    "learn",
    "left_out",
    "lessons",
    "measure_area",
    "movement",
    "pipeline_accuracy",
    "pipeline_costs",
    "retrained",
    "rows_of_tori",
    "search_table",
    "searches",
    "simulate_row",
    "slowest_sets_the_pace",
    "surrogate_of",
    "synthesised_designs",
    "to_retrain",
    "train_pipeline",
]

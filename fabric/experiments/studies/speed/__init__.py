"""How fast a Clos cascade is beside the dense layer and its rivals (notebook 24_speed)."""

from fabric.experiments.studies.speed._block import BlockTimesConfig, TransformerBlock, time_block
from fabric.experiments.studies.speed._caches import CacheTimesConfig, time_caches
from fabric.experiments.studies.speed._heuristic import HeuristicTimesConfig, time_heuristic
from fabric.experiments.studies.speed._layers import LayerTimesConfig, time_layer
from fabric.experiments.studies.speed._measured import (
    block,
    caches,
    heuristic,
    label,
    layers,
    memory,
    single_samples,
    wires,
)
from fabric.experiments.studies.speed._memory import PeakMemoryConfig, peak_memory
from fabric.experiments.studies.speed._rivals import MaskedLinear
from fabric.experiments.studies.speed._single import SingleSampleConfig, time_single_samples
from fabric.experiments.studies.speed._tables import (
    beside_dense,
    best_steps,
    limits,
    of_dense_rate,
    speeds,
    typical,
    wire_shares,
)
from fabric.experiments.studies.speed._wires import WireTimesConfig, time_wires

__all__ = [
    "BlockTimesConfig",
    "CacheTimesConfig",
    "HeuristicTimesConfig",
    "LayerTimesConfig",
    "MaskedLinear",
    "PeakMemoryConfig",
    "SingleSampleConfig",
    "TransformerBlock",
    "WireTimesConfig",
    "beside_dense",
    "best_steps",
    "block",
    "caches",
    "heuristic",
    "label",
    "layers",
    "limits",
    "memory",
    "of_dense_rate",
    "peak_memory",
    "single_samples",
    "speeds",
    "time_block",
    "time_caches",
    "time_heuristic",
    "time_layer",
    "time_single_samples",
    "time_wires",
    "typical",
    "wire_shares",
    "wires",
]

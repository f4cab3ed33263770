"""What a training step costs, counted: memory, bytes moved, operations, energy."""

from fabric.experiments.counting._cache import weight_hit_rate
from fabric.experiments.counting._energy import sample_energy
from fabric.experiments.counting._footprint import Footprint, footprint, index_bytes
from fabric.experiments.counting._roofline import roofline, traffic

__all__ = ["Footprint", "footprint", "index_bytes", "roofline", "sample_energy", "traffic", "weight_hit_rate"]

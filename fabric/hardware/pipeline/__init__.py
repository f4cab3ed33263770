"""Several tori behind each other, a cascade or more on each, joined by streams: all of them train at once."""

from fabric.hardware.pipeline._machine import PipelineMachine
from fabric.hardware.pipeline._pipeline import Pipeline
from fabric.hardware.pipeline._programs import lateness, programs
from fabric.hardware.pipeline._stations import Costs, Station, stations, time_shared

__all__ = ["Costs", "Pipeline", "PipelineMachine", "Station", "lateness", "programs", "stations", "time_shared"]

"""Training steps timed at many batch sizes, all in one run."""

from fabric.experiments.timing._clock import now
from fabric.experiments.timing._step_times import StepTimesConfig, measure
from fabric.experiments.timing._timed_networks import Subject

__all__ = ["StepTimesConfig", "Subject", "measure", "now"]

"""Training steps and inference timed at many batch sizes, all in one run."""

from fabric.experiments.timing._clock import now
from fabric.experiments.timing._network_times import NetworkTimesConfig, time_networks
from fabric.experiments.timing._step_times import StepTimesConfig, measure
from fabric.experiments.timing._timed_networks import Subject

__all__ = ["NetworkTimesConfig", "StepTimesConfig", "Subject", "measure", "now", "time_networks"]

"""Runs for the sweep tests, importable by worker processes: each sleeps a little and says who ran it."""

import os
import time
from dataclasses import dataclass
from typing import ClassVar

from fabric.experiments.runs import Natural, NaturalFloat, RunConfig


@dataclass(frozen=True)
class SleepConfig(RunConfig):
    """A run that takes `seconds`."""

    recipe: ClassVar[int] = 1

    number: Natural
    seconds: NaturalFloat


def sleep(config: SleepConfig) -> dict:
    """Sleep, then say which process did."""
    time.sleep(config.seconds)
    return {"process": os.getpid()}

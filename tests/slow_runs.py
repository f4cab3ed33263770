"""Runs for the sweep tests, importable by worker processes: each sleeps a little and says who ran it."""

import os
import time
from dataclasses import asdict, dataclass
from typing import ClassVar

from fabric.experiments.runs import run_key


@dataclass(frozen=True)
class SleepConfig:
    """A run that takes `seconds`."""

    recipe: ClassVar[int] = 1

    number: int
    seconds: float


def sleep(config: SleepConfig) -> dict:
    """Sleep, then return the record."""
    time.sleep(config.seconds)
    return {**asdict(config), "key": run_key(config), "process": os.getpid()}

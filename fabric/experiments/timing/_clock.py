"""The clock by which everything is timed."""

import time

import torch


def now(device: torch.device) -> float:
    """Processor time in seconds, in which waiting for others does not count; on other devices the time when all work
    is done.
    """
    if device.type == "cpu":
        return time.process_time()
    torch.accelerator.synchronize(device)
    return time.perf_counter()

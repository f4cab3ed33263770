"""Threads of PyTorch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fabric.nn import reference


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread and layers on their reference path inside, as before outside.

    The number of threads and the kernel change the bits of a result.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with reference():
            yield
    finally:
        torch.set_num_threads(before)

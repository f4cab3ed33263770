"""Threads of PyTorch."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from fabric.nn import reference


@contextmanager
def one_thread(kernel: bool = False) -> Iterator[None]:
    """PyTorch on one thread and layers on their reference path inside, as before outside.

    The number of threads and the kernel change the bits of a result. With `kernel` the compiled kernel serves where it
    can: for studies that must be fast and say in their records which path computed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with nullcontext() if kernel else reference():
            yield
    finally:
        torch.set_num_threads(before)

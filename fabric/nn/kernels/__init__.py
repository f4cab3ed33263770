"""Compiled code behind the layers, and who decides when it serves. The PyTorch path beside it is the reference.

`python -m fabric.nn.kernels build` compiles the CPU kernel into the user's cache. No import ever compiles anything.
"""

from fabric.nn.kernels._build import KernelBuildError
from fabric.nn.kernels._dispatch import backend, build, product, reference, serves
from fabric.nn.kernels._layout import Edges, Layout, Routers, Run

__all__ = [
    "Edges",
    "KernelBuildError",
    "Layout",
    "Routers",
    "Run",
    "backend",
    "build",
    "product",
    "reference",
    "serves",
]

"""Neural networks that are sparse before training: topologies, layers, machines, experiments.

`fabric.topology` says what is connected to what; `fabric.nn` turns a topology into a trainable layer;
`fabric.constraints` counts what it can represent, before training; `fabric.hardware` trains it on a machine in
Verilog; `fabric.codesign` chooses network and machine together; `fabric.experiments` trains and stores runs;
`fabric.plots` draws.
"""

from importlib.metadata import version


def __getattr__(name: str) -> str:
    """`__version__`, that of the installed distribution, found when it is asked for."""
    if name == "__version__":
        return version("sparse-fabric")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Neural networks that are sparse before training: topologies, layers, experiments.

`fabric.topology` says what is connected to what; `fabric.nn` turns a topology into a trainable layer;
`fabric.constraints` counts what it can represent, before training; `fabric.experiments` trains and stores runs;
`fabric.plots` draws.
"""

"""Neural networks that are sparse before training: topologies, layers, machines, experiments.

`fabric.topology` says what is connected to what; `fabric.nn` turns a topology into a trainable layer;
`fabric.constraints` counts what it can represent, before training; `fabric.hardware` trains it on a machine in
Verilog; `fabric.codesign` chooses network and machine together; `fabric.experiments` trains and stores runs;
`fabric.plots` draws.
"""

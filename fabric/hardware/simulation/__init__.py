"""Designs in Verilog, simulated: Verilator through pyverilator, Icarus Verilog as the second opinion."""

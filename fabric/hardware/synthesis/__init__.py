"""From Verilog to cells of a device: Yosys and nextpnr, technology maps, resources counted."""

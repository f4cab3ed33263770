"""A machine as files that other tools take: Verilog, tables, program, test bench, scripts."""

from fabric.hardware.export._export import export

__all__ = ["export"]

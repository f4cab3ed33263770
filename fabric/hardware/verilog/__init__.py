"""The handwritten Verilog as text: its files, their headers, their structure as Pyverilog reads it."""

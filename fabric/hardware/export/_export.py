"""A machine as a folder of files that other tools take."""

import os
import shutil
from pathlib import Path

from fabric._checks import positive_int
from fabric.hardware._checks import choice, whole
from fabric.hardware.deployment import Deployed
from fabric.hardware.export._axi import axi_bench, axi_ports, axi_vectors
from fabric.hardware.export._bench import bench, hexadecimal, top_module
from fabric.hardware.export._recorded import record
from fabric.hardware.export._scripts import fusesoc, makefile, quartus, vivado, yosys_script
from fabric.hardware.junctions import JunctionMachine, JunctionProgram
from fabric.hardware.junctions._build import table_files
from fabric.hardware.simulation.verilator import Parameter
from fabric.hardware.synthesis.yowasp import run_yosys
from fabric.hardware.torus import Machine, Program
from fabric.hardware.torus.synthesis import NetlistMachine
from fabric.hardware.verilog.rtl import RTL, sources_of

TOP = "fabric_top"
_README = """# {machine} as files

Written by `fabric.hardware.export`. The machine is `{top}` in `{top}.v`: `{machine}` with its parameters.
`sources.txt` lists its Verilog. Tables, which it reads at time zero, are `*.hex` beside it.
`{image}.hex` is the image of its {image}: what the host sends on the stream `{image}`, a beat a line.

`bench.v` loads weights, runs {samples} samples, reads the weights back and compares every beat with those of the
golden model, which are in `vectors/`; the streams pause at random. It prints PASS or FAIL.

    make icarus         # Icarus Verilog 11 or later
    make verilator      # Verilator 5 or later
    make yosys          # Yosys: generic cells, resources.txt
    make lint           # Verilator, all warnings
    fusesoc --cores-root . run --target sim ::{top}

`quartus/` and `vivado/` have project scripts and constraints. They have never been run: check device, pins and clock.
{resources}"""
_RESOURCES = """
`resources.txt` counts generic cells by Yosys: tables of four inputs, flip-flops, whole memories and multipliers.
"""
_AXI = """
`rtl/AXI.md` describes registers and streams, `rtl/README.md` commands and instructions. `vectors/writes.hex` holds the
register writes of the bench: an address of 8 bits above a word of 32.
"""


def export(
    machine: Machine | JunctionMachine | Deployed,
    folder: str | os.PathLike,
    program: Program | JunctionProgram | None = None,
    samples: int = 8,
    seed: int = 0,
    report: bool = True,
    interface: str = "streams",
) -> Path:
    """Write a machine as files: Verilog, tables, program, self-checking test bench, build files, resources.

    The folder needs nothing of this package. The vectors of its test bench are random samples for the weights that the
    machine holds. They are run on the machine and on the golden model, which must agree.

    Args:
        machine: a simulated machine, or a model that is deployed on one. It is reset and keeps its weights.
        folder: does not exist yet, or is empty.
        program: what the test bench runs; None for the one that trains, of a deployed model.
        samples: of the test bench.
        seed: of its samples.
        report: synthesise with Yosys to generic cells for `resources.txt`: a minute for 16 PEs, long for many.
        interface: "streams", the machine as it is, or "axi": a torus behind AXI4-Lite registers and AXI4-Streams
            (rtl/AXI.md).

    Returns:
        The folder.

    Raises:
        TypeError: another machine or program.
        OSError: the folder cannot be made.
        ValueError: a folder that holds something, or other arguments that do not fit, as junctions on AXI buses.
        SimulationError: the machine and its golden model differ.
        MissingToolError: Yosys is not installed.
    """
    if isinstance(machine, Deployed):
        program = machine.training if program is None else program
        if not isinstance(machine.machine, Machine):
            raise ValueError('machine must be in Verilog, deploy(..., on="verilog"), got a golden model')
        machine = machine.machine
    if not isinstance(machine, (Machine, JunctionMachine)) or isinstance(machine, NetlistMachine):
        raise TypeError(f"machine must be a Machine, a JunctionMachine or a deployed model, got {machine!r}")
    kind = Program if isinstance(machine, Machine) else JunctionProgram
    if not isinstance(program, kind):
        raise TypeError(f"program must be a {kind.__name__}, what the test bench runs, got {program!r}")
    samples, seed = positive_int("samples", samples), whole("seed", seed, 0, 2**63)
    if not isinstance(report, bool):
        raise TypeError(f"report must be True or False, got {report!r}")
    choice("interface", interface, ("streams", "axi"))
    if interface == "axi" and not isinstance(machine, Machine):
        raise ValueError("interface must be 'streams' for a JunctionMachine, got 'axi'")
    place = _empty(folder)  # before minutes of work
    lesson = record(machine, program, samples, seed)

    name, parameters, tables = _design(machine)
    hexes = {f"{table.lower()}.hex": text for table, text in tables.items()}
    inputs, outputs = machine.simulation.inputs, machine.simulation.outputs
    widths = dict(inputs) | dict(outputs)
    settings: dict[str, Parameter] = {**parameters, **{table: f"{table.lower()}.hex" for table in tables}}
    vectors = {stream: hexadecimal(beats, widths[f"{stream}_data"])
               for stream, beats in {**lesson.sources, **lesson.sinks}.items()}  # fmt: skip
    image = "program" if isinstance(machine, Machine) else "pattern"
    images, clock, driver = {f"{image}.hex": vectors[image]}, "clk", bench(TOP, inputs, outputs, lesson)
    if interface == "axi" and isinstance(machine, Machine):
        name, clock, driver = "fabric_axi", "aclk", axi_bench(TOP, machine.torus, lesson)
        inputs, outputs = axi_ports(machine.torus)
        vectors = axi_vectors(machine.torus, lesson)
    verilog = [f"rtl/{path.name}" for path in sources_of(name)] + [f"{TOP}.v"]
    beats = {f"vectors/{stream}.hex": text for stream, text in vectors.items()}
    texts = {
        f"{TOP}.v": top_module(TOP, name, settings, inputs, outputs),
        "bench.v": driver,
        "sources.txt": "".join(f"{path}\n" for path in verilog),
        "Makefile": makefile(TOP, verilog),
        "synthesis.ys": yosys_script(TOP, verilog),
        f"{TOP}.core": fusesoc(TOP, verilog, list(hexes), list(beats)),
        **images, **hexes, **beats, **quartus(TOP, verilog, clock), **vivado(TOP, verilog, list(hexes), clock),
    }  # fmt: skip
    told = ""
    if report:
        flat = {path.name: path.read_text(encoding="utf-8") for path in sources_of(name)}
        flat[f"{TOP}.v"] = texts[f"{TOP}.v"]
        made = run_yosys(yosys_script(TOP, list(flat)), {**flat, **hexes})
        texts["resources.txt"] = (made / "resources.txt").read_text(encoding="utf-8")
        told = _RESOURCES
    told += _AXI if interface == "axi" else ""
    texts["README.md"] = _README.format(machine=name, top=TOP, samples=samples, image=image, resources=told)
    for part in ("rtl", "vectors", "quartus", "vivado"):
        (place / part).mkdir(parents=True, exist_ok=True)
    pages = [RTL / page for page in ("README.md", "AXI.md")] if interface == "axi" else []
    for source in [*sources_of(name), *pages]:
        shutil.copy(source, place / "rtl")
    for path, text in texts.items():
        (place / path).write_text(text, encoding="utf-8")
    return place


def _design(machine: Machine | JunctionMachine) -> tuple[str, dict[str, Parameter], dict[str, str]]:
    """Name, parameters and tables of the top module."""
    if isinstance(machine, Machine):
        return "fabric_machine", dict(machine.torus.parameters), machine.torus.tables()
    return "fabric_junctions", dict(machine.build.parameters), table_files(machine.build.fixed_point)


def _empty(folder: object) -> Path:
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"folder must be a path, got {folder!r}")
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ValueError(f"folder must be empty or not exist yet, got {str(folder)!r}")
    place.mkdir(parents=True, exist_ok=True)
    return place

"""The flow of Yosys commands that maps a design to the cells of Cyclone IV, with the maps in techmaps/cyclone4."""

from pathlib import Path

_MAPS = Path(__file__).resolve().parent / "techmaps" / "cyclone4"
_WIDEST_LOAD = 32
_AREA = "+strash;ifraig;scorr;dc2;dch,-f;if,-K,4,-a;mfs2;lutpack"  # if -a: the fewest tables, whatever the depth
# Queues deliver in the cycle of the address, which blocks do not: they stay in registers, as the paper's must have.
QUEUES_IN_REGISTERS = 'setattr -set ram_style "logic" A:hdlname=fabric_fifo/m:*'

READ = ("proc", "flatten", "opt_expr", "opt_clean")
# Constants that enter a processing element become part of it, as they would if it were not optimised by itself.
CONSTANTS_ENTER = ("uniquify", "opt_hier", "opt_expr", "opt_clean")
FLOW = (
    "check -assert",
    "opt -nodffe -nosdff",
    "opt",
    "wreduce",
    "peepopt",
    "opt_clean",
    "techmap -map multiply.v",
    "opt_clean",
    "alumacc",
    "share",
    "opt",
    "extract -map loads.v",
    "techmap -map load_registers.v",
    "memory -nomap",
    "opt_clean",
    "write_json before.json",
    "memory_libmap -lib m9k.txt",
    "write_json after.json",
    "techmap -map memory.v",
    "memory_map",
    "opt -mux_undef -undriven -fine",
    "techmap -map arithmetic.v",
    "techmap",
    "opt -fast",
    "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x -cell $_SDFF_PP0_ x -cell $_SDFFCE_PP0P_ x",
    "opt_merge",
    "opt_clean",
    "muxcover -mux4=190 -nopartial",
    "techmap -map multiplexers.v",
    f"abc -lut 4 -script {_AREA}",
    "opt_lut",
    "techmap -map elements.v",
    "delete t:$scopeinfo",
    "clean",
    "check -mapped -assert",
    "write_json mapped.json",
    "splitnets",
    "write_verilog -noattr netlist.v",
)


def maps() -> dict[str, str]:
    """The files that the flow names: cells, maps and memories of the folder, and the registers that load."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(_MAPS.iterdir())}
    files["loads.v"], files["load_registers.v"] = _loads()
    return files


def _loads() -> tuple[str, str]:
    """Registers that take one of two words, to be found in the design, and what they become: synchronous loads."""
    found, made = [], []
    for width in range(2, _WIDEST_LOAD + 1):
        word = f"[{width - 1}:0]"
        choice = f"wire {word} D; \\$mux #(.WIDTH({width})) choice (.A(A), .B(B), .S(S), .Y(D));"
        settings = f".WIDTH({width}), .CLK_POLARITY(1), .EN_POLARITY(1)"
        clears = f"{settings}, .SRST_POLARITY(1), .SRST_VALUE({width}'d0)"
        ports = f"input C, input E, input S, input {word} A, input {word} B, output {word} Q"
        for name, more, cell in (
            ("load", "", f"\\$dffe #({settings}) word (.CLK(C), .EN(E), .D(D), .Q(Q));"),
            ("clear_load", ", input R", f"\\$sdffe #({clears}) word (.CLK(C), .EN(E), .SRST(R), .D(D), .Q(Q));"),
        ):
            found.append(f"module {name}_{width} ({ports}{more}); {choice} {cell} endmodule\n")
            enable, clear = ("E | R", "R") if more else ("E", "1'b0")
            controls = f".clk(C), .ena({enable}), .sclr({clear}), .sload(S)"
            register = f"le_register bit ({controls}, .asdata(B[i]), .d(A[i]), .q(Q[i]));"
            loop = f"for (i = 0; i < {width}; i = i + 1) {register}"
            made.append(f"module {name}_{width} ({ports}{more}); genvar i; generate {loop} endgenerate endmodule\n")
    return "".join(found), "".join(made)

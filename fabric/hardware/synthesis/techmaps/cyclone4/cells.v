// SPDX-License-Identifier: Apache-2.0
// Simulation models of the cells of a mapped netlist: what Cyclone IV offers, under our own names. One le_lut or
// le_arithmetic is the logic of a logic element, one le_register its register.

// Normal mode: any function of four inputs.
module le_lut #(parameter [15:0] MASK = 0) (input wire a, input wire b, input wire c, input wire d, output wire y);
    assign y = MASK[{d, c, b, a}];
endmodule

// Arithmetic mode: two functions of two inputs and the carry of the element before.
module le_arithmetic #(parameter [7:0] SUM = 0, parameter [7:0] CARRY = 0) (
    input wire a, input wire b, input wire cin, output wire sum, output wire cout
);
    assign sum = SUM[{cin, b, a}];
    assign cout = CARRY[{cin, b, a}];
endmodule

// The register of a logic element: clear before load, both under the enable. It loads asdata through the third input
// of the element.
module le_register (
    input wire clk, input wire ena, input wire sclr, input wire sload, input wire asdata, input wire d, output reg q
);
    always @(posedge clk)
        if (ena)
            q <= sclr ? 1'b0 : sload ? asdata : d;
endmodule

// Embedded multiplier without its registers: half of a block.
module multiplier_9x9 (input wire signed [8:0] a, input wire signed [8:0] b, output wire signed [17:0] product);
    assign product = a * b;
endmodule

// The same as a whole block: two 9-bit multipliers.
module multiplier_18x18 (input wire signed [17:0] a, input wire signed [17:0] b, output wire signed [35:0] product);
    assign product = a * b;
endmodule

// Memory block of 9,216 bits with words of WIDTH, simple dual-port, old data where both ports meet.
module m9k #(
    parameter WIDTH = 9,
    parameter DEPTH = 1024,
    parameter [9215:0] INIT = 0
) (
    input wire clk,
    input wire write,
    input wire [12:0] write_address,
    input wire [WIDTH-1:0] write_data,
    input wire read,
    input wire [12:0] read_address,
    output reg [WIDTH-1:0] read_data
);
    reg [WIDTH-1:0] words [0:DEPTH-1];
    integer i;

    initial
        for (i = 0; i < DEPTH; i = i + 1)
            words[i] = INIT[i*WIDTH +: WIDTH];
    always @(posedge clk) begin
        if (read)
            read_data <= words[read_address];
        if (write)
            words[write_address] <= write_data;
    end
endmodule

// SPDX-License-Identifier: Apache-2.0
// Memory with one read and one write port; read data one cycle after its address. Latency 1.
`default_nettype none

module fabric_ram #(
    parameter WIDTH = 9,    // bits of a word, 1..
    parameter DEPTH = 48,   // words, 2..
    parameter ADDRESS = 6   // bits of an address, >= clog2(DEPTH)
) (
    input  wire               clk,
    input  wire               read_enable,
    input  wire [ADDRESS-1:0] read_address,
    output reg  [WIDTH-1:0]   read_data,
    input  wire               write_enable,
    input  wire [ADDRESS-1:0] write_address,
    input  wire [WIDTH-1:0]   write_data
);
    // A build that cannot work names a module that does not exist.
    generate
        if ((1 << ADDRESS) < DEPTH) begin : wrong_depth
            ADDRESS_must_hold_DEPTH refused ();
        end
    endgenerate

    reg [WIDTH-1:0] memory [0:DEPTH-1];

    always @(posedge clk) begin
        if (read_enable)
            read_data <= memory[read_address];
        if (write_enable)
            memory[write_address] <= write_data;
    end
endmodule

`default_nettype wire

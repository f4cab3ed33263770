// SPDX-License-Identifier: Apache-2.0
// A place for the beat that the stream does not take at once, so that whoever sends need not ask in the same cycle.
// Latency 0.
`default_nettype none

module fabric_skid #(
    parameter WIDTH = 9         // bits of a beat, 1..
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] in_data,
    input  wire             in_valid,
    output wire             in_ready,       // a register's
    output wire [WIDTH-1:0] out_data,
    output wire             out_valid,
    input  wire             out_ready
);
    reg full_q;
    reg [WIDTH-1:0] held_q;

    assign in_ready = !full_q;
    assign out_valid = full_q || in_valid;
    assign out_data = full_q ? held_q : in_data;

    always @(posedge clk) begin
        if (rst)
            full_q <= 1'b0;
        else
            full_q <= out_valid && !out_ready;
        if (!full_q)
            held_q <= in_data;
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Control signals a number of cycles later; none is a wire. Latency STAGES.
`default_nettype none

module fabric_delay #(
    parameter WIDTH = 1,        // bits, 1..
    parameter STAGES = 1        // cycles, 0..
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             enable,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
    genvar s;
    generate
        if (STAGES == 0) begin : through
            assign out = in;
            wire unused = &{1'b0, clk, rst, enable};
        end else begin : delayed
            for (s = 0; s < STAGES; s = s + 1) begin : stage
                reg [WIDTH-1:0] held_q;
                wire [WIDTH-1:0] earlier;
                if (s == 0) begin : first
                    assign earlier = in;
                end else begin : further
                    assign earlier = stage[s-1].held_q;
                end
                always @(posedge clk) begin
                    if (rst)
                        held_q <= {WIDTH{1'b0}};
                    else if (enable)
                        held_q <= earlier;
                end
            end
            assign out = stage[STAGES-1].held_q;
        end
    endgenerate
endmodule

`default_nettype wire

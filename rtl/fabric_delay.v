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
    generate
        if (STAGES == 0) begin : through
            assign out = in;
            wire unused = &{1'b0, clk, rst, enable};
        end else begin : delayed
            reg [STAGES*WIDTH-1:0] held_q;      // the youngest lowest
            wire [(STAGES+1)*WIDTH-1:0] all = {held_q, in};
            assign out = held_q[(STAGES-1)*WIDTH +: WIDTH];
            wire unused = &{1'b0, all};
            always @(posedge clk) begin
                if (rst)
                    held_q <= {(STAGES * WIDTH){1'b0}};
                else if (enable)
                    held_q <= all[STAGES*WIDTH-1:0];
            end
        end
    endgenerate
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Cycles of the present or last run: all, those in which each unit works, those in which the next step waits. Latency 1.
`default_nettype none

module fabric_counters (
    input  wire        clk,
    input  wire        rst,
    input  wire        clear,       // a run begins
    input  wire        counting,
    input  wire        forward,
    input  wire        backward,
    input  wire        waiting,
    output reg  [31:0] cycles_q,
    output reg  [31:0] forward_q,
    output reg  [31:0] backward_q,  // the update unit works in the same cycles
    output reg  [31:0] waiting_q
);
    always @(posedge clk) begin
        if (rst || clear) begin
            cycles_q <= 32'd0;
            forward_q <= 32'd0;
            backward_q <= 32'd0;
            waiting_q <= 32'd0;
        end else if (counting) begin
            cycles_q <= cycles_q + 32'd1;
            forward_q <= forward_q + {31'd0, forward};
            backward_q <= backward_q + {31'd0, backward};
            waiting_q <= waiting_q + {31'd0, waiting};
        end
    end
endmodule

`default_nettype wire

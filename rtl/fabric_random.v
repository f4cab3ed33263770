// SPDX-License-Identifier: Apache-2.0
// Sixteen random bits, a new word on each step: xorshift with shifts 7, 9, 8, period 65,535. Latency 1.
`default_nettype none

module fabric_random (
    input  wire        clk,
    input  wire        rst,
    input  wire [15:0] seed,        // the first word, not zero
    input  wire        step,
    output reg  [15:0] word_q
);
    wire [15:0] first = word_q ^ (word_q << 7);
    wire [15:0] second = first ^ (first >> 9);

    always @(posedge clk) begin
        if (rst)
            word_q <= seed;
        else if (step)
            word_q <= second ^ (second << 8);
    end
endmodule

`default_nettype wire

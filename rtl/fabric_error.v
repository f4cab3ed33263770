// SPDX-License-Identifier: Apache-2.0
// Error of one output: target - activation, in the format of deltas, saturated. Combinational.
`default_nettype none

module fabric_error #(
    parameter WORD = 9,         // bits of activations, targets and deltas
    parameter WIDEN = 3         // fraction bits of a delta less those of an activation, 0..
) (
    input  wire [WORD-1:0] activation,
    input  wire [WORD-1:0] target,
    input  wire            pass,        // the target is a delta already: pass it on
    output wire [WORD-1:0] delta
);
    wire signed [WORD+WIDEN:0] difference = ($signed({{(WIDEN + 1){target[WORD-1]}}, target})
        - $signed({{(WIDEN + 1){activation[WORD-1]}}, activation})) <<< WIDEN;
    wire fits = (difference[WORD+WIDEN:WORD-1] == {(WIDEN + 2){1'b0}})
        || (difference[WORD+WIDEN:WORD-1] == {(WIDEN + 2){1'b1}});
    wire [WORD-1:0] limit = {difference[WORD+WIDEN], {(WORD - 1){~difference[WORD+WIDEN]}}};

    assign delta = pass ? target : fits ? difference[WORD-1:0] : limit;
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Error of one output: target - activation, in the format of deltas, saturated. Combinational.
`default_nettype none

module fabric_error #(
    parameter WORD = 9,         // bits of activations, targets and deltas
    parameter WIDEN = 3,        // fraction bits of a delta less those of an activation, 0..
    parameter TELLS = 0         // 1: one bit above the delta says whether it has been clipped
) (
    input  wire [WORD-1:0]       activation,
    input  wire [WORD-1:0]       target,
    input  wire                  pass,      // the target is a delta already: pass it on
    input  wire                  used,      // what comes out without it means nothing: a simulator need not calculate it
    output wire [WORD+TELLS-1:0] delta
);
    reg signed [WORD+WIDEN:0] difference;
    reg fits;
    reg [WORD-1:0] saturated;

    always @* begin
        difference = {(WORD + WIDEN + 1){1'bx}};
        fits = 1'bx;
        saturated = {WORD{1'bx}};
        if (used) begin
            difference = ($signed({{(WIDEN + 1){target[WORD-1]}}, target})
                - $signed({{(WIDEN + 1){activation[WORD-1]}}, activation})) <<< WIDEN;
            fits = (difference[WORD+WIDEN:WORD-1] == {(WIDEN + 2){1'b0}})
                || (difference[WORD+WIDEN:WORD-1] == {(WIDEN + 2){1'b1}});
            if (pass)
                saturated = target;
            else if (fits)
                saturated = difference[WORD-1:0];
            else
                saturated = {difference[WORD+WIDEN], {(WORD - 1){~difference[WORD+WIDEN]}}};
        end
    end
    assign delta[WORD-1:0] = saturated;

    generate
        if (TELLS != 0) begin : tells
            assign delta[WORD] = used && !pass && !fits;
        end
    endgenerate
endmodule

`default_nettype wire

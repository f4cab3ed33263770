// SPDX-License-Identifier: Apache-2.0
// Activation function of a neuron: identity, ReLU or sigmoid from a table of its positive half. Combinational.
`default_nettype none

module fabric_activation #(
    parameter WORD = 9,                    // bits of an activation
    parameter FRACTION = 5,                // fraction bits of an activation
    parameter SIGMOID = 1,                 // 0 leaves the sigmoid out: it then acts as the identity
    parameter TABLE = "sigmoid.hex"        // sigmoid of i / 2^FRACTION for i = 0 .. 2^(WORD-1) - 1
) (
    input  wire [WORD-1:0] in,
    input  wire [1:0]      kind,           // 0 identity, 1 ReLU, 2 sigmoid
    input  wire            used,           // what comes out without it means nothing: a simulator need not calculate it
    output reg  [WORD-1:0] out
);
    wire negative = in[WORD-1];

    generate
        if (SIGMOID != 0) begin : sigmoid
            reg [WORD-1:0] half [0:(1 << (WORD - 1))-1];
            initial $readmemh(TABLE, half);

            // The most negative word has no positive twin: its complement is the nearest. The complement of the others
            // would be one step off, so they are negated.
            localparam [WORD-1:0] ONE = {{(WORD - 1){1'b0}}, 1'b1} << FRACTION;
            reg [WORD-1:0] negated;
            reg [WORD-2:0] size;
            always @* begin
                negated = {WORD{1'bx}};
                size = {(WORD - 1){1'bx}};
                out = {WORD{1'bx}};
                if (used) begin
                    negated = ~in + {{(WORD - 1){1'b0}}, 1'b1};
                    size = !negative ? in[WORD-2:0] : negated[WORD-1] ? {(WORD - 1){1'b1}} : negated[WORD-2:0];
                    if (kind[1])
                        out = negative ? ONE - half[size] : half[size];
                    else
                        out = (kind[0] && negative) ? {WORD{1'b0}} : in;
                end
            end
        end else begin : no_sigmoid
            always @* begin
                out = {WORD{1'bx}};
                if (used)
                    out = (kind[0] && negative) ? {WORD{1'b0}} : in;
            end
            wire unused = &{1'b0, kind[1]};
        end
    endgenerate
endmodule

`default_nettype wire

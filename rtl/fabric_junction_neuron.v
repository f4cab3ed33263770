// SPDX-License-Identifier: Apache-2.0
// Forward sum of one right neuron: SLOTS products a cycle, in one cycle or several, then rounding and activation.
// Combinational from the last products to the activation.
`default_nettype none

module fabric_junction_neuron #(
    parameter WORD = 9,                 // bits of an activation
    parameter ACC = 24,                 // bits of the sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter SLOTS = 4,                // products of a cycle, 1..
    parameter CYCLES = 1,               // cycles of a neuron, 1..
    parameter FUNCTION = 2,             // 0 identity, 1 ReLU, 2 sigmoid
    parameter TABLE = "sigmoid.hex"
) (
    input  wire                    clk,
    input  wire                    run,
    input  wire                    first,       // products of a new neuron
    input  wire [SLOTS*2*WORD-1:0] products,
    output wire [WORD-1:0]         activation   // valid with the last products
);
    localparam [1:0] KIND = FUNCTION;

    wire [WORD-1:0] rounded;
    wire signed [ACC-1:0] held;
    reg signed [ACC-1:0] sum;
    integer s;
    always @* begin
        sum = held;
        for (s = 0; s < SLOTS; s = s + 1)
            sum = sum + {{(ACC - 2 * WORD){products[(s+1)*2*WORD-1]}}, products[s*2*WORD +: 2*WORD]};
    end

    generate
        if (CYCLES > 1) begin : several
            reg signed [ACC-1:0] sum_q;
            always @(posedge clk)
                if (run)
                    sum_q <= sum;
            assign held = first ? {ACC{1'b0}} : sum_q;
        end else begin : single
            assign held = {ACC{1'b0}};
            wire unused = &{1'b0, clk, run, first};
        end
    endgenerate

    fabric_round #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) round (.in(sum), .scale(2'd0), .out(rounded));
    fabric_activation #(
        .WORD(WORD), .FRACTION(FRACTION), .SIGMOID((FUNCTION == 2) ? 1 : 0), .TABLE(TABLE)
    ) function_of (.in(rounded), .kind(KIND), .used(1'b1), .out(activation));
endmodule

`default_nettype wire

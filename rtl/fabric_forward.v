// SPDX-License-Identifier: Apache-2.0
// Forward unit: inputs pass by, the sum of a neuron stays (ClosNets, figure 8). Latency 1 a multiply-accumulate.
`default_nettype none

module fabric_forward #(
    parameter WORD = 9,                 // bits of an operand
    parameter ACC = 24,                 // bits of the sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter SIGMOID = 1,              // 0 leaves the sigmoid out
    parameter TABLE = "sigmoid.hex"
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            enable,
    input  wire            run,         // multiply and accumulate in this cycle
    input  wire            last,        // the last product: the activation becomes the next operand, the sum ends
    input  wire            load,        // take a new operand from the input chain
    input  wire            present,     // this PE computes a neuron; if not, its activation is zero
    input  wire [1:0]      kind,        // activation function
    input  wire [1:0]      scale,
    input  wire [WORD-1:0] weight,
    input  wire [WORD-1:0] loaded,
    input  wire [WORD-1:0] incoming,    // operand of the neighbour that comes before on the ring
    output reg  [WORD-1:0] operand_q,
    output wire [WORD-1:0] activation
);
    reg signed [ACC-1:0] sum_q;

    wire signed [2*WORD-1:0] product = $signed(weight) * $signed(operand_q);
    wire signed [ACC-1:0] sum = sum_q + {{(ACC - 2 * WORD){product[2*WORD-1]}}, product};
    wire [WORD-1:0] rounded;
    wire [WORD-1:0] activated;

    fabric_round #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) round (.in(sum), .scale(scale), .out(rounded));
    fabric_activation #(.WORD(WORD), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .TABLE(TABLE)) function_of (
        .in(rounded), .kind(kind), .out(activated)
    );
    assign activation = present ? activated : {WORD{1'b0}};

    always @(posedge clk) begin
        if (rst || (enable && last))
            sum_q <= {ACC{1'b0}};
        else if (enable && run)
            sum_q <= sum;
        if (enable) begin
            if (load)
                operand_q <= loaded;
            else if (last)
                operand_q <= activation;
            else if (run)
                operand_q <= incoming;
        end
    end
endmodule

`default_nettype wire

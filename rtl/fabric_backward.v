// SPDX-License-Identifier: Apache-2.0
// Backward unit: the delta of a neuron stays, the sums of the layer below pass by (ClosNets, figure 9, equation 1).
// Latency 1 a multiply-add. The derivative of a sigmoid takes one cycle more on the same multiplier.
`default_nettype none

module fabric_backward #(
    parameter WORD = 9,                 // bits of an operand
    parameter ACC = 24,                 // bits of the sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter SIGMOID = 1,              // 0 leaves the derivative of the sigmoid out
    parameter TABLE = "derivative.hex"  // a (1 - a) with SHIFT fraction bits for a = 0 .. 2^FRACTION
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            enable,
    input  wire            run,         // multiply and add in this cycle
    input  wire            last,        // the finished sum of this PE's own neuron comes in: it is the next delta
    input  wire            derive,      // multiply the delta by the derivative of the sigmoid
    input  wire            load,        // take a new delta from the error calculator
    input  wire            rectified,   // the neurons of the layer below are ReLUs
    input  wire [1:0]      scale,
    input  wire [WORD-1:0] weight,
    input  wire [WORD-1:0] loaded,
    input  wire [WORD-1:0] own,         // activation of this PE's own neuron of the layer below: at last and at derive
    input  wire [ACC-1:0]  incoming,    // sum of the neighbour that comes before on the ring
    output wire [ACC-1:0]  sum,
    output reg  [WORD-1:0] delta_q,
    output wire [WORD-1:0] delta_next   // at last and at derive
);
    reg signed [ACC-1:0] passing_q;

    wire [WORD-1:0] factor;
    wire signed [2*WORD-1:0] product = $signed(factor) * $signed(delta_q);
    wire [ACC-1:0] wide = {{(ACC - 2 * WORD){product[2*WORD-1]}}, product};
    wire [WORD-1:0] rounded;
    wire inactive = own[WORD-1] || (own == {WORD{1'b0}});

    assign sum = passing_q + wide;
    assign delta_next = (rectified && inactive) ? {WORD{1'b0}} : rounded;

    generate
        if (SIGMOID != 0) begin : sigmoid
            reg [WORD-1:0] slope [0:(1 << FRACTION)];
            initial $readmemh(TABLE, slope);
            assign factor = derive ? slope[own[FRACTION:0]] : weight;
            fabric_round #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) round (
                .in(derive ? wide : incoming), .scale(derive ? 2'd0 : scale), .out(rounded)
            );
        end else begin : no_sigmoid
            assign factor = weight;
            fabric_round #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) round (
                .in(incoming), .scale(scale), .out(rounded)
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst || (enable && last))
            passing_q <= {ACC{1'b0}};       // the next sum begins at zero
        else if (enable && run)
            passing_q <= incoming;
        if (enable) begin
            if (load)
                delta_q <= loaded;
            else if (last || derive)
                delta_q <= delta_next;
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Backward unit: the delta of a neuron stays, the sums of the layer below pass by (ClosNets, figure 9, equation 1).
// Latency 1 a multiply-add, and PIPELINE cycles more. The derivative of a sigmoid takes the same multiplier once more.
`default_nettype none

module fabric_backward #(
    parameter WORD = 9,                 // bits of an operand
    parameter ACC = 24,                 // bits of the sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter SIGMOID = 1,              // 0 leaves the derivative of the sigmoid out
    parameter PIPELINE = 0,             // registers: 1 behind the product, 2 also behind the rounded sum
    parameter TABLE = "derivative.hex"  // a (1 - a) with SHIFT fraction bits for a = 0 .. 2^FRACTION
) (
    input  wire            clk,
    input  wire            enable,
    // when the delta is multiplied, and the cycle before
    input  wire            load,        // take a new delta from the error calculator
    input  wire            take,        // take a new delta from the results (PIPELINE = 2)
    input  wire            ends,        // the activation of this PE's own neuron of the layer below comes in
    input  wire            derive,      // multiply the delta by the derivative of the sigmoid
    input  wire [WORD-1:0] weight,
    input  wire [WORD-1:0] loaded,
    input  wire [WORD-1:0] taken,
    input  wire [WORD-1:0] coming,      // activation that comes in
    input  wire [WORD-1:0] own,         // activation of this PE's own neuron of the layer below: at derive
    output reg  [WORD-1:0] delta_q,
    // when the product is added, and the cycle before
    input  wire            begins,      // the next product is the first of a sum
    input  wire [1:0]      begins_scale,
    input  wire            add,
    input  wire            complete,    // the finished sum of this PE's own neuron comes in
    input  wire            derive_add,  // the product is the delta
    input  wire [1:0]      scale,
    input  wire [ACC-1:0]  incoming,    // sum of the neighbour that comes before on the ring
    output wire [ACC-1:0]  sum,
    output wire            clips,       // the rounded sum is no delta
    // when the sum is a delta
    input  wire            done,
    input  wire            keep,        // it is the one to go on with
    input  wire            rectified,   // the neurons of the layer below are ReLUs
    output reg  [WORD-1:0] delta_next   // means something where done
);
    localparam [ACC-1:0] HALF = {{(ACC - 1){1'b0}}, 1'b1} << (SHIFT - 1);

    reg signed [ACC-1:0] passing_q;     // with one half of the delta's last bit, for rounding
    wire [WORD-1:0] factor;
    wire signed [2*WORD-1:0] product;
    wire [WORD-1:0] truncated;
    wire [WORD-1:0] rounded;
    wire inactive;

    always @* begin
        if (done)
            delta_next = (rectified && inactive) ? {WORD{1'b0}} : rounded;
        else
            delta_next = {WORD{1'bx}};
    end
    assign sum = passing_q + {{(ACC - 2 * WORD){product[2*WORD-1]}}, product};

    generate
        if (SIGMOID != 0) begin : sigmoid
            reg [WORD-1:0] slope [0:(1 << FRACTION)];
            initial $readmemh(TABLE, slope);
            assign factor = derive ? slope[own[FRACTION:0]] : weight;
            fabric_truncate #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) truncate (
                .in(derive_add ? sum : incoming), .scale(derive_add ? 2'd0 : scale),
                .used(complete || derive_add), .out(truncated), .clips(clips)
            );
            wire unused = &{1'b0, own};
        end else begin : no_sigmoid
            assign factor = weight;
            fabric_truncate #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) truncate (
                .in(incoming), .scale(scale), .used(complete), .out(truncated), .clips(clips)
            );
            wire unused = &{1'b0, derive, derive_add, own};
        end
        if (PIPELINE == 0) begin : at_once
            assign product = $signed(factor) * $signed(delta_q);
            assign inactive = coming[WORD-1] || (coming == {WORD{1'b0}});
            wire unused_ends = ends;
        end else begin : registered
            reg signed [2*WORD-1:0] product_q;
            reg inactive_q;
            always @(posedge clk) begin
                product_q <= $signed(factor) * $signed(delta_q);
                if (ends)
                    inactive_q <= coming[WORD-1] || (coming == {WORD{1'b0}});
            end
            assign product = product_q;
            assign inactive = inactive_q;
        end
        if (PIPELINE < 2) begin : same_cycle
            assign rounded = truncated;
            wire unused_take = &{1'b0, take, taken};
        end else begin : next_cycle
            reg [WORD-1:0] rounded_q;
            always @(posedge clk) begin
                if (complete || derive_add)
                    rounded_q <= truncated;
            end
            assign rounded = rounded_q;
        end
    endgenerate

    always @(posedge clk) begin
        if (enable) begin
            if (begins)
                passing_q <= HALF << begins_scale;
            else if (complete)
                passing_q <= HALF;      // for the derivative
            else if (add)
                passing_q <= incoming;
            if (load)
                delta_q <= loaded;
            else if (keep)
                delta_q <= delta_next;
            else if (take)
                delta_q <= taken;
        end
    end
endmodule

`default_nettype wire

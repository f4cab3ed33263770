// SPDX-License-Identifier: Apache-2.0
// Update unit: weight + rate * activation * delta, rounded, saturated (ClosNets, figure 9, equation 2). Combinational;
// the activations of the layer below pass by in a register of latency 1.
`default_nettype none

module fabric_update #(
    parameter WORD = 9,                 // bits of an operand
    parameter WEIGHT = 12,              // bits of a stored weight
    parameter SHIFT = 10                // fraction bits of an increment that are rounded away, 1..16
) (
    input  wire              clk,
    input  wire              rst,
    input  wire [15:0]       seed,          // see fabric_random
    input  wire              enable,
    input  wire              run,           // update a weight in this cycle
    input  wire              load,          // take this PE's own activation from the store
    input  wire              stochastic,    // 0 rounds to nearest, half up
    input  wire [2:0]        rate,          // the product is multiplied by 2^rate
    input  wire [WEIGHT-1:0] weight,
    input  wire [WORD-1:0]   delta,
    input  wire [WORD-1:0]   loaded,
    input  wire [WORD-1:0]   incoming,      // activation of the neighbour that comes before on the ring
    output reg  [WORD-1:0]   activation_q,
    output wire [WEIGHT-1:0] updated
);
    localparam WIDE = (2 * WORD + 7 > WEIGHT + SHIFT) ? 2 * WORD + 8 : WEIGHT + SHIFT + 1;

    wire [15:0] random;
    fabric_random noise (.clk(clk), .rst(rst), .seed(seed), .step(enable && run), .word_q(random));

    wire signed [2*WORD-1:0] product = $signed(activation_q) * $signed(delta);
    wire signed [WIDE-1:0] step = {{(WIDE - 2 * WORD){product[2*WORD-1]}}, product} <<< rate;
    wire [SHIFT-1:0] dither = stochastic ? random[SHIFT-1:0] : {1'b1, {(SHIFT - 1){1'b0}}};
    // One adder for both: the weight stands above the bits that are rounded away, the dither in their place.
    wire signed [WIDE-1:0] total = step
        + $signed({{(WIDE - WEIGHT - SHIFT){weight[WEIGHT-1]}}, weight, dither});
    wire fits = (total[WIDE-1:SHIFT+WEIGHT-1] == {(WIDE - SHIFT - WEIGHT + 1){1'b0}})
        || (total[WIDE-1:SHIFT+WEIGHT-1] == {(WIDE - SHIFT - WEIGHT + 1){1'b1}});

    wire unused = &{1'b0, random, total};
    assign updated = fits ? total[SHIFT +: WEIGHT] : {total[WIDE-1], {(WEIGHT - 1){~total[WIDE-1]}}};

    always @(posedge clk) begin
        if (enable) begin
            if (load)
                activation_q <= loaded;
            else if (run)
                activation_q <= incoming;
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Update unit: weight + rate * activation * delta, rounded, saturated (ClosNets, figure 9, equation 2); the activations
// of the layer below pass by in a register of latency 1. Latency of the weight: 0, or 2 with PIPELINE.
`default_nettype none

module fabric_update #(
    parameter WORD = 9,                 // bits of an operand
    parameter WEIGHT = 12,              // bits of a stored weight
    parameter SHIFT = 10,               // fraction bits of an increment that are rounded away, 2..16
    parameter PIPELINE = 0,             // not 0: registers behind the product and behind the sum
    parameter TELLS = 0                 // 1: one bit above the weight says whether it has been clipped
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
    output wire [WEIGHT+TELLS-1:0] updated
);
    // A build that cannot work names a module that does not exist.
    generate
        if ((SHIFT < 2) || (SHIFT > 16) || (WEIGHT < WORD)) begin : wrong_widths
            SHIFT_must_be_from_2_to_16_and_WEIGHT_at_least_WORD refused ();
        end
    endgenerate

    localparam WIDE = (2 * WORD + 7 > WEIGHT + SHIFT) ? 2 * WORD + 8 : WEIGHT + SHIFT + 1;

    wire signed [2*WORD-1:0] product;
    wire [WEIGHT-1:0] old;
    wire step_random;
    wire [15:0] random;
    wire signed [WIDE-1:0] step = {{(WIDE - 2 * WORD){product[2*WORD-1]}}, product} <<< rate;
    wire [SHIFT-1:0] dither = stochastic ? random[SHIFT-1:0] : {1'b1, {(SHIFT - 1){1'b0}}};
    // One adder for both: the weight stands above the bits that are rounded away, the dither in their place.
    wire signed [WIDE-1:0] total = step + $signed({{(WIDE - WEIGHT - SHIFT){old[WEIGHT-1]}}, old, dither});
    wire [WIDE-SHIFT-1:0] rounded;

    fabric_random noise (.clk(clk), .rst(rst), .seed(seed), .step(step_random), .word_q(random));

    generate
        if (PIPELINE == 0) begin : at_once
            assign product = $signed(activation_q) * $signed(delta);
            assign old = weight;
            assign step_random = enable && run;
            assign rounded = total[WIDE-1:SHIFT];
        end else begin : registered
            reg signed [2*WORD-1:0] product_q;
            reg [WEIGHT-1:0] old_q;
            reg run_q;
            reg [WIDE-SHIFT-1:0] rounded_q;
            always @(posedge clk) begin
                product_q <= $signed(activation_q) * $signed(delta);
                old_q <= weight;
                run_q <= run && !rst;
                rounded_q <= total[WIDE-1:SHIFT];
            end
            assign product = product_q;
            assign old = old_q;
            assign step_random = run_q;
            assign rounded = rounded_q;
        end
    endgenerate

    wire clips = (rounded[WIDE-SHIFT-1:WEIGHT-1] != {(WIDE - SHIFT - WEIGHT + 1){1'b0}})
        && (rounded[WIDE-SHIFT-1:WEIGHT-1] != {(WIDE - SHIFT - WEIGHT + 1){1'b1}});
    assign updated[WEIGHT-1:0] = clips ? {rounded[WIDE-SHIFT-1], {(WEIGHT - 1){~rounded[WIDE-SHIFT-1]}}}
        : rounded[WEIGHT-1:0];
    generate
        if (TELLS != 0) begin : tells
            assign updated[WEIGHT] = clips;
        end
    endgenerate

    wire unused = &{1'b0, random, total};

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

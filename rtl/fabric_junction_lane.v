// SPDX-License-Identifier: Apache-2.0
// One lane of a junction: a weight memory, of which one read serves the forward, the backward and the update unit.
// Latency 2: read; multiply; the update is written at the end of the third cycle.
`default_nettype none

module fabric_junction_lane #(
    parameter WORD = 9,                 // bits of operands
    parameter WEIGHT = 12,              // bits of stored weights, >= WORD; the upper WORD bits are the operand
    parameter UPDATE_SHIFT = 10,        // fraction bits of an increment that are rounded away
    parameter CYCLES = 8,               // weights of the lane: cycles of a pass, 1..
    parameter BACKWARD = 1,             // 0: the first junction, which has no backward unit
    // what follows from the others
    parameter ADDRESS = (CYCLES > 1) ? $clog2(CYCLES) : 1   // bits of a weight's number
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [15:0]        seed,             // of the stochastic rounding, see fabric_random
    // first cycle
    input  wire               read,
    input  wire [ADDRESS-1:0] read_row,
    // second cycle
    output wire [WEIGHT-1:0]  weight,
    input  wire [WORD-1:0]    forward_activation,
    input  wire [WORD-1:0]    backward_activation,
    input  wire [WORD-1:0]    delta,
    // third cycle
    output reg  [2*WORD-1:0]  forward_product_q,
    output wire [2*WORD-1:0]  backward_product,
    input  wire               update,
    input  wire               stochastic,
    input  wire [2:0]         rate,
    input  wire               load,             // write a weight of the host instead
    input  wire [ADDRESS-1:0] write_row,
    input  wire [WEIGHT-1:0]  loaded
);
    localparam DEPTH = (CYCLES > 1) ? CYCLES : 2;

    reg [WEIGHT-1:0] weight_q;
    reg [WORD-1:0] delta_q;

    wire [WEIGHT-1:0] updated;
    wire [WORD-1:0] activation;
    wire signed [WORD-1:0] operand = weight[WEIGHT-1:WEIGHT-WORD];

    fabric_ram #(.WIDTH(WEIGHT), .DEPTH(DEPTH), .ADDRESS(ADDRESS)) weights (
        .clk(clk), .read_enable(read), .read_address(read_row), .read_data(weight),
        .write_enable(update || load), .write_address(write_row), .write_data(load ? loaded : updated)
    );
    fabric_update #(.WORD(WORD), .WEIGHT(WEIGHT), .SHIFT(UPDATE_SHIFT)) update_unit (
        .clk(clk), .rst(rst), .seed(seed), .enable(1'b1), .run(update), .load(1'b1), .stochastic(stochastic),
        .rate(rate), .weight(weight_q), .delta(delta_q), .loaded(backward_activation), .incoming({WORD{1'b0}}),
        .activation_q(activation), .updated(updated)
    );

    always @(posedge clk) begin
        weight_q <= weight;
        delta_q <= delta;
        forward_product_q <= operand * $signed(forward_activation);
    end

    generate
        if (WEIGHT < WORD) begin : check_weight
            WEIGHT_must_be_at_least_WORD refused ();
        end
        if (BACKWARD != 0) begin : backward_unit
            reg [2*WORD-1:0] product_q;
            always @(posedge clk)
                product_q <= operand * $signed(delta);
            assign backward_product = product_q;
        end else begin : no_backward_unit
            assign backward_product = {(2 * WORD){1'b0}};
        end
    endgenerate

    wire unused = &{1'b0, activation};
endmodule

`default_nettype wire

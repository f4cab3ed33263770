// SPDX-License-Identifier: Apache-2.0
// Processing element: forward, backward and update unit around its own weight memories (ClosNets, figure 7).
// Addresses come one cycle ahead of the control of the units (prefix next_). Latency 1 a step.
`default_nettype none

module fabric_pe #(
    parameter WORD = 9,                 // bits of operands
    parameter WEIGHT = 12,              // bits of stored weights, >= WORD; the upper WORD bits are the operand
    parameter ACC = 24,                 // bits of sums
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter WIDEN = 3,                // fraction bits of a delta less those of an activation
    parameter UPDATE_SHIFT = 10,        // fraction bits of an increment that are rounded away
    parameter BANKS = 3,                // weight memories: 1, or 3 for overlapped training
    parameter DEPTH = 32,               // words of a weight memory
    parameter ADDRESS = 5,              // bits of a weight address
    parameter STORE = 6,                // stored activations, 2..16
    parameter SIGMOID = 1,              // 0 leaves the sigmoid out
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex"
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               enable,
    input  wire [15:0]        seed,         // constant, see fabric_random
    // chains along the row: samples and targets in, results out
    input  wire               input_shift,
    input  wire [WEIGHT-1:0]  input_in,
    output reg  [WEIGHT-1:0]  input_q,
    input  wire               target_shift,
    input  wire [WORD-1:0]    target_in,
    output reg  [WORD-1:0]    target_q,
    input  wire               output_shift,
    input  wire [WEIGHT-1:0]  output_in,
    output reg  [WEIGHT-1:0]  output_q,
    // rings: from the west along the row, from the north along the column
    input  wire [WORD-1:0]    operand_west,
    input  wire [WORD-1:0]    operand_north,
    output wire [WORD-1:0]    operand,
    input  wire [ACC-1:0]     sum_west,
    input  wire [ACC-1:0]     sum_north,
    output wire [ACC-1:0]     sum,
    input  wire [WORD-1:0]    activation_west,
    input  wire [WORD-1:0]    activation_north,
    output wire [WORD-1:0]    activation,
    // weight addresses: of this column for the row ring, of this row for the column ring
    input  wire [ADDRESS-1:0] next_forward_column,
    input  wire [ADDRESS-1:0] next_forward_row,
    input  wire [ADDRESS-1:0] next_backward_column,
    input  wire [ADDRESS-1:0] next_backward_row,
    input  wire [ADDRESS-1:0] write_column,
    input  wire [ADDRESS-1:0] write_row,
    // control, one cycle ahead
    input  wire               next_forward_run,
    input  wire               next_forward_axis,
    input  wire [1:0]         next_forward_bank,
    input  wire               next_backward_axis,
    input  wire [3:0]         next_backward_store,
    input  wire               load_operand,
    input  wire               load_delta,
    input  wire               load_activation,
    // control of the forward unit
    input  wire               forward_run,
    input  wire               forward_last,
    input  wire               forward_axis,
    input  wire [1:0]         forward_bank,
    input  wire [1:0]         forward_kind,
    input  wire [1:0]         forward_scale,
    input  wire               forward_save,
    input  wire [3:0]         forward_store,
    input  wire               present,
    // control of the backward and the update unit
    input  wire               backward_run,
    input  wire               backward_last,
    input  wire               backward_derive,
    input  wire               backward_axis,
    input  wire [1:0]         backward_bank,
    input  wire               backward_rectified,
    input  wire [1:0]         backward_scale,
    input  wire               stochastic,
    input  wire [2:0]         rate,
    // what the output chain and the error calculator take
    input  wire               output_activation,
    input  wire               output_delta,
    input  wire               output_weight,
    input  wire               error_take,
    input  wire               error_pass,
    input  wire               weight_load
);
    localparam PLACE = $clog2(STORE);

    reg [WORD-1:0] error_q;
    reg [WORD-1:0] store [0:STORE-1];

    wire [WORD-1:0] activated;
    wire [WORD-1:0] delta;
    wire [WORD-1:0] delta_next;
    wire [WORD-1:0] error;
    wire [WEIGHT-1:0] updated;
    wire [WORD-1:0] operand_in = forward_axis ? operand_north : operand_west;
    wire [ACC-1:0] sum_in = backward_axis ? sum_north : sum_west;
    wire [WORD-1:0] activation_in = backward_axis ? activation_north : activation_west;

    // Weight memories. A phase that goes forward and backward at once reads one address for both.
    wire [ADDRESS-1:0] forward_address = next_forward_axis ? next_forward_row : next_forward_column;
    wire [ADDRESS-1:0] backward_address = next_backward_axis ? next_backward_row : next_backward_column;
    wire [ADDRESS-1:0] write_address = backward_axis ? write_row : write_column;
    wire [WEIGHT-1:0] to_write = weight_load ? input_q : updated;
    wire [WEIGHT-1:0] forward_weight;
    wire [WEIGHT-1:0] backward_weight;
    genvar b;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire [WEIGHT-1:0] read;
            wire forward_reads = next_forward_run && (next_forward_bank == b);
            fabric_ram #(.WIDTH(WEIGHT), .DEPTH(DEPTH), .ADDRESS(ADDRESS)) weights (
                .clk(clk),
                .read_enable(enable),
                .read_address(forward_reads ? forward_address : backward_address),
                .read_data(read),
                .write_enable(enable && (backward_run || weight_load) && (backward_bank == b)),
                .write_address(write_address),
                .write_data(to_write)
            );
        end
        if (BANKS == 1) begin : one_bank
            assign forward_weight = bank[0].read;
            assign backward_weight = bank[0].read;
            wire unused = &{1'b0, forward_bank};
        end else begin : three_banks
            assign forward_weight = forward_bank[1] ? bank[2].read : forward_bank[0] ? bank[1].read : bank[0].read;
            assign backward_weight = backward_bank[1] ? bank[2].read : backward_bank[0] ? bank[1].read : bank[0].read;
        end
    endgenerate

    fabric_forward #(
        .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .TABLE(SIGMOID_TABLE)
    ) forward (
        .clk(clk), .rst(rst), .enable(enable), .run(forward_run), .last(forward_last),
        .load(load_operand), .present(present), .kind(forward_kind), .scale(forward_scale),
        .weight(forward_weight[WEIGHT-1:WEIGHT-WORD]), .loaded(input_q[WORD-1:0]), .incoming(operand_in),
        .operand_q(operand), .activation(activated)
    );
    fabric_backward #(
        .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .TABLE(SLOPE_TABLE)
    ) backward (
        .clk(clk), .rst(rst), .enable(enable), .run(backward_run), .last(backward_last),
        .derive(backward_derive), .load(load_delta), .rectified(backward_rectified), .scale(backward_scale),
        .weight(backward_weight[WEIGHT-1:WEIGHT-WORD]), .loaded(error_q),
        .own(backward_derive ? activation : activation_in), .incoming(sum_in),
        .sum(sum), .delta_q(delta), .delta_next(delta_next)
    );
    fabric_update #(
        .WORD(WORD), .WEIGHT(WEIGHT), .SHIFT(UPDATE_SHIFT)
    ) update (
        .clk(clk), .rst(rst), .seed(seed), .enable(enable), .run(backward_run), .load(load_activation),
        .stochastic(stochastic), .rate(rate), .weight(backward_weight), .delta(delta),
        .loaded(store[next_backward_store[PLACE-1:0]]), .incoming(activation_in), .activation_q(activation), .updated(updated)
    );
    fabric_error #(.WORD(WORD), .WIDEN(WIDEN)) calculator (
        .activation(output_q[WORD-1:0]), .target(target_q), .pass(error_pass), .delta(error)
    );

    generate
        if (PLACE < 4) begin : few_places
            wire unused = &{1'b0, next_backward_store[3:PLACE], forward_store[3:PLACE]};
        end
    endgenerate

    always @(posedge clk) begin
        if (enable && forward_save)
            store[forward_store[PLACE-1:0]] <= operand;
        if (error_take)
            error_q <= error;
        if (input_shift)
            input_q <= input_in;
        if (target_shift)
            target_q <= target_in;
        // A full result replaces the one whose last value is just leaving.
        if (enable && output_activation)
            output_q <= {{(WEIGHT - WORD + 1){activated[WORD-1]}}, activated[WORD-2:0]};
        else if (enable && output_delta)
            output_q <= {{(WEIGHT - WORD + 1){delta_next[WORD-1]}}, delta_next[WORD-2:0]};
        else if (enable && output_weight)
            output_q <= forward_weight;
        else if (output_shift)
            output_q <= output_in;
    end
endmodule

`default_nettype wire

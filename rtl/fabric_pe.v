// SPDX-License-Identifier: Apache-2.0
// Processing element: forward, backward and update unit around its own weight memories (ClosNets, figure 7).
// Addresses come one cycle ahead of the control of the units (prefix next_), what the units do with products and with
// finished sums comes later where they are pipelined. Latency 1 a step.
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
    parameter PIPELINE = 0,             // 1 and 2: registers behind products; 2 keeps the results of several phases
    parameter SATURATIONS = 0,          // 1: say what is clipped
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex"
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     enable,
    input  wire [15:0]              seed,           // constant, see fabric_random
    // chains along the row: samples and targets in, results out
    input  wire                     input_shift,
    input  wire [WEIGHT-1:0]        input_in,
    output reg  [WEIGHT-1:0]        input_q,
    input  wire                     target_shift,
    input  wire [WORD-1:0]          target_in,
    output reg  [WORD-1:0]          target_q,
    input  wire                     output_shift,
    input  wire [WEIGHT-1:0]        output_in,
    output reg  [WEIGHT-1:0]        output_q,
    // rings: from the west along the row or from the north along the column
    input  wire [WORD-1:0]          operand_in,
    output wire [WORD-1:0]          operand,
    input  wire [ACC-1:0]           sum_in,
    output wire [ACC-1:0]           sum,
    input  wire [WORD-1:0]          activation_in,
    output wire [WORD-1:0]          activation,
    // weight memories
    input  wire [BANKS*ADDRESS-1:0] next_address,   // that each one reads
    input  wire [ADDRESS-1:0]       write_address,
    input  wire [BANKS-1:0]         write,
    input  wire                     write_input,    // the word of the input chain
    // control, one cycle ahead
    input  wire [3:0]               next_backward_store,
    input  wire                     load_operand,
    input  wire                     take_operand,
    input  wire [1:0]               take_operand_from,
    input  wire                     load_delta,
    input  wire                     take_delta,
    input  wire [1:0]               take_delta_from,
    input  wire                     load_activation,
    // when operands are multiplied
    input  wire                     forward_run,
    input  wire [1:0]               forward_bank,
    input  wire                     forward_save,
    input  wire [3:0]               forward_store,
    input  wire                     backward_run,
    input  wire [1:0]               backward_bank,
    input  wire                     backward_ends,
    input  wire                     backward_derive,
    input  wire                     stochastic,
    input  wire [2:0]               rate,
    input  wire                     output_weight,
    // when products are added, and the cycle before
    input  wire                     forward_begins,
    input  wire [1:0]               forward_begins_scale,
    input  wire                     forward_add,
    input  wire                     forward_complete,
    input  wire [1:0]               forward_scale,
    input  wire                     backward_begins,
    input  wire [1:0]               backward_begins_scale,
    input  wire                     backward_add,
    input  wire                     backward_complete,
    input  wire                     backward_derive_add,
    input  wire [1:0]               backward_scale,
    // when sums are results
    input  wire                     forward_done,
    input  wire                     forward_last,
    input  wire [1:0]               forward_to,
    input  wire [1:0]               forward_kind,
    input  wire                     present,
    input  wire                     backward_done,
    input  wire                     backward_keep,
    input  wire                     backward_write,
    input  wire [1:0]               backward_to,
    input  wire                     backward_rectified,
    // what the output chain and the error calculator take
    input  wire                     final_activation,
    input  wire                     final_delta,
    input  wire                     output_final,
    input  wire                     error_take,
    input  wire                     error_pass,
    // what is clipped in this cycle: a weight to be written, a delta, an error, an activation
    output wire [3:0]               clips
);
    localparam PLACE = $clog2(STORE);

    reg [WORD-1:0] error_q;
    reg [WORD-1:0] store [0:STORE-1];

    wire [WORD-1:0] activated;
    wire [WORD-1:0] delta;
    wire [WORD-1:0] delta_next;
    wire [WORD+SATURATIONS-1:0] error;
    wire [WEIGHT+SATURATIONS-1:0] updated;
    wire forward_clips;
    wire backward_clips;
    wire [WEIGHT-1:0] to_write = write_input ? input_q : updated[WEIGHT-1:0];
    wire [WEIGHT-1:0] forward_weight;
    wire [WEIGHT-1:0] backward_weight;
    wire [WORD-1:0] taken_operand;
    wire [WORD-1:0] taken_delta;
    wire [WORD-1:0] result;                         // what the error calculator sees

    genvar b;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire [WEIGHT-1:0] read;
            fabric_ram #(.WIDTH(WEIGHT), .DEPTH(DEPTH), .ADDRESS(ADDRESS)) weights (
                .clk(clk),
                .read_enable(enable),
                .read_address(next_address[b*ADDRESS +: ADDRESS]),
                .read_data(read),
                .write_enable(write[b]),
                .write_address(write_address),
                .write_data(to_write)
            );
        end
        if (BANKS == 1) begin : one_bank
            assign forward_weight = bank[0].read;
            assign backward_weight = bank[0].read;
            wire unused = &{1'b0, forward_bank, backward_bank};
        end else begin : three_banks
            assign forward_weight = forward_bank[1] ? bank[2].read : forward_bank[0] ? bank[1].read : bank[0].read;
            assign backward_weight = backward_bank[1] ? bank[2].read : backward_bank[0] ? bank[1].read : bank[0].read;
        end
    endgenerate

    fabric_forward #(
        .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .PIPELINE(PIPELINE),
        .TABLE(SIGMOID_TABLE)
    ) forward (
        .clk(clk), .enable(enable), .load(load_operand), .take(take_operand), .run(forward_run),
        .weight(forward_weight[WEIGHT-1:WEIGHT-WORD]), .loaded(input_q[WORD-1:0]), .taken(taken_operand),
        .incoming(operand_in), .operand_q(operand), .begins(forward_begins), .begins_scale(forward_begins_scale),
        .add(forward_add), .complete(forward_complete), .scale(forward_scale), .clips(forward_clips),
        .done(forward_done), .last(forward_last),
        .present(present), .kind(forward_kind), .activation(activated)
    );
    fabric_backward #(
        .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .PIPELINE(PIPELINE),
        .TABLE(SLOPE_TABLE)
    ) backward (
        .clk(clk), .enable(enable), .load(load_delta), .take(take_delta), .ends(backward_ends),
        .derive(backward_derive), .weight(backward_weight[WEIGHT-1:WEIGHT-WORD]), .loaded(error_q),
        .taken(taken_delta), .coming(activation_in), .own(activation), .delta_q(delta), .begins(backward_begins),
        .begins_scale(backward_begins_scale), .add(backward_add), .complete(backward_complete),
        .derive_add(backward_derive_add), .scale(backward_scale), .incoming(sum_in), .sum(sum), .clips(backward_clips),
        .done(backward_done), .keep(backward_keep), .rectified(backward_rectified), .delta_next(delta_next)
    );
    fabric_update #(
        .WORD(WORD), .WEIGHT(WEIGHT), .SHIFT(UPDATE_SHIFT), .PIPELINE(PIPELINE), .TELLS(SATURATIONS)
    ) update (
        .clk(clk), .rst(rst), .seed(seed), .enable(enable), .run(backward_run), .load(load_activation),
        .stochastic(stochastic), .rate(rate), .weight(backward_weight), .delta(delta),
        .loaded(store[next_backward_store[PLACE-1:0]]), .incoming(activation_in), .activation_q(activation),
        .updated(updated)
    );
    fabric_error #(.WORD(WORD), .WIDEN(WIDEN), .TELLS(SATURATIONS)) calculator (
        .activation(result), .target(target_q), .pass(error_pass), .used(error_take), .delta(error)
    );

    // Results: straight into the output chain, or into a register that waits for it; those of phases whose successor
    // does not begin at once, into memories of four words.
    generate
        if (PIPELINE == 0) begin : at_once
            assign result = output_q[WORD-1:0];
            wire [WORD-1:0] leaving = final_activation ? activated : delta_next;
            always @(posedge clk) begin
                // A full result replaces the one whose last value is just leaving.
                if (enable && (final_activation || final_delta))
                    output_q <= {{(WEIGHT - WORD + 1){leaving[WORD-1]}}, leaving[WORD-2:0]};
                else if (enable && output_weight)
                    output_q <= forward_weight;
                else if (output_shift)
                    output_q <= output_in;
            end
            wire unused = &{1'b0, output_final};
        end else begin : in_time
            reg [WORD-1:0] final_q;
            assign result = final_q;
            always @(posedge clk) begin
                if (final_activation)
                    final_q <= activated;
                else if (final_delta)
                    final_q <= delta_next;
                if (output_final)
                    output_q <= {{(WEIGHT - WORD + 1){final_q[WORD-1]}}, final_q[WORD-2:0]};
                else if (output_weight)
                    output_q <= forward_weight;
                else if (output_shift)
                    output_q <= output_in;
            end
        end
        if (PIPELINE == 2) begin : held
            reg [WORD-1:0] activations [0:3];
            reg [WORD-1:0] deltas [0:3];
            assign taken_operand = activations[take_operand_from];
            assign taken_delta = deltas[take_delta_from];
            always @(posedge clk) begin
                if (forward_last)
                    activations[forward_to] <= activated;
                if (backward_write)
                    deltas[backward_to] <= delta_next;
            end
        end else begin : not_held
            assign taken_operand = {WORD{1'b0}};
            assign taken_delta = {WORD{1'b0}};
            wire unused = &{1'b0, take_operand_from, take_delta_from, forward_to, backward_to, backward_write};
        end
        if (SATURATIONS != 0) begin : told
            assign clips = {updated[WEIGHT], backward_clips, error[WORD], forward_clips};
        end else begin : not_told
            assign clips = 4'd0;
            wire unused = &{1'b0, forward_clips, backward_clips};
        end
        if (PLACE < 4) begin : few_places
            wire unused = &{1'b0, next_backward_store[3:PLACE], forward_store[3:PLACE]};
        end
    endgenerate

    always @(posedge clk) begin
        if (enable && forward_save)
            store[forward_store[PLACE-1:0]] <= operand;
        if (error_take)
            error_q <= error[WORD-1:0];
        if (input_shift)
            input_q <= input_in;
        if (target_shift)
            target_q <= target_in;
    end
endmodule

`default_nettype wire

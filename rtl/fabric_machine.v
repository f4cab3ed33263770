// SPDX-License-Identifier: Apache-2.0
// The training machine: host streams, input and target memories, sequencer, torus, counters (ClosNets, figure 6).
// Latency of a sample: the cycles of its program plus one for the first address.
`default_nettype none

module fabric_machine #(
    parameter ROWS = 4,                 // PEs of a column ring, 1..
    parameter COLUMNS = 4,              // PEs of a row ring, 2..
    parameter WORD = 9,                 // bits of operands, 4..16
    parameter WEIGHT = 12,              // bits of stored weights, WORD..
    parameter ACC = 24,                 // bits of sums, at least 2 WORD + clog2(longest phase) + 1
    parameter SHIFT = 7,                // fraction bits of a weight operand, 1..
    parameter FRACTION = 5,             // fraction bits of activations and targets, 1..WORD-1
    parameter WIDEN = 3,                // fraction bits of a delta less those of an activation, 0..
    parameter UPDATE_SHIFT = 10,        // fraction bits of an increment that are rounded away, 2..16
    parameter BANKS = 3,                // weight memories of a PE: 1, or 3 for overlapped training
    parameter DEPTH = 32,               // words of a weight memory
    parameter ADDRESS = 5,              // clog2(DEPTH)
    parameter LENGTH = 8,               // bits of the length of a phase
    parameter STORE = 6,                // activations that a PE stores, 2..16
    parameter FEED = 0,                 // clog2 of the inputs of a row where they exceed COLUMNS, else 0
    parameter SLOTS = 16,               // instructions, a power of two
    parameter SLOT = 4,                 // clog2(SLOTS)
    parameter MEMORY = 8,               // beats of the input memory and of the target memory, a power of two
    parameter SIGMOID = 1,              // 0 leaves the sigmoid out
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex",
    parameter FIXED = 0,                // 1: the instructions are those of the file, whatever the stream says
    parameter PROGRAM_TABLE = "program.hex"
) (
    input  wire                                   clk,
    input  wire                                   rst,
    input  wire [SLOT+2*ADDRESS+5*LENGTH+38-1:0]  program_data,     // address below the instruction
    input  wire                                   program_valid,
    output wire                                   program_ready,
    input  wire [79:0]                            command_data,
    input  wire                                   command_valid,
    output wire                                   command_ready,
    input  wire [ROWS*WEIGHT-1:0]                 input_data,       // a word for each row, last place first
    input  wire                                   input_valid,
    output wire                                   input_ready,
    input  wire [ROWS*WORD-1:0]                   target_data,
    input  wire                                   target_valid,
    output wire                                   target_ready,
    output wire [ROWS*WEIGHT-1:0]                 output_data,
    output wire                                   output_valid,
    input  wire                                   output_ready,
    output wire                                   busy,
    output wire [31:0]                            count_cycles,
    output wire [31:0]                            count_forward,
    output wire [31:0]                            count_backward,
    output wire [31:0]                            count_waiting,
    output wire [31:0]                            count_steps,      // since reset: tells a hang from a long run
    output wire [SLOT-1:0]                        count_slot        // instruction of the next cycle
);
    localparam INSTRUCTION = 2 * ADDRESS + 5 * LENGTH + 38;
    localparam PLACES = $clog2(COLUMNS + 1);
    localparam LAST_PLACE = COLUMNS - 1;

    // ---- sequencer: the next cycle ----
    wire running, started, go, start, same, load_weights, dump_weights;
    wire emit, train, pass, stochastic;
    wire [2:0] rate;
    wire [LENGTH-1:0] started_last;
    wire f_run, f_last, f_axis, f_first, f_feed, f_save, f_final;
    wire [1:0] f_bank, f_kind, f_scale, f_sample;
    wire [3:0] f_store;
    wire [ADDRESS-1:0] f_base;
    wire [LENGTH-1:0] f_length, f_row, f_column;
    wire b_run, b_last, b_derive, b_axis, b_first, b_feed, b_rectified, b_emit;
    wire [1:0] b_bank, b_scale, b_sample;
    wire [3:0] b_store;
    wire [ADDRESS-1:0] b_base;
    wire [LENGTH-1:0] b_length;

    // ---- the present cycle ----
    reg step_q, forward_q, forward_last_q, forward_axis_q, forward_feed_q, forward_save_q, final_q;
    reg [1:0] forward_bank_q, forward_kind_q, forward_scale_q;
    reg [3:0] forward_store_q;
    reg [LENGTH-1:0] present_row_q, present_column_q;
    reg backward_q, backward_last_q, backward_derive_q, backward_axis_q, backward_feed_q;
    reg rectified_q, backward_emit_q, load_q, dump_q;
    reg [1:0] backward_bank_q, backward_scale_q;
    reg error_due_q, error_full_q, counting_q, begun_q;
    reg [31:0] steps_q;

    wire input_full, target_full, output_free, output_shift;
    wire result = forward_last_q && final_q;
    wire delta_out = backward_emit_q && (backward_derive_q || backward_last_q);
    wire output_load = (result && emit) || delta_out || dump_q;
    // The whole machine waits with a result until its target is there and until the chain that takes it, if only for the
    // error calculator, has sent what it holds.
    wire enable = !(result && train && !pass && !target_full) && !((result || delta_out || dump_q) && !output_free);
    wire load_operand = go && f_first;
    wire load_delta = go && b_first;
    wire error_take = pass ? (train && target_full && !error_full_q && running) : error_due_q;
    wire idle = !step_q && !error_due_q && !output_valid;

    fabric_sequencer #(
        .ADDRESS(ADDRESS), .LENGTH(LENGTH), .SLOTS(SLOTS), .SLOT(SLOT), .WIDTH(INSTRUCTION), .FIXED(FIXED),
        .PROGRAM_TABLE(PROGRAM_TABLE)
    ) sequencer (
        .clk(clk), .rst(rst), .enable(enable), .idle(idle),
        .program_valid(program_valid), .program_ready(program_ready),
        .program_address(program_data[SLOT-1:0]), .program_data(program_data[SLOT +: INSTRUCTION]),
        .command_valid(command_valid), .command_ready(command_ready), .command_data(command_data),
        .running(running), .slot(count_slot), .started(started), .started_last(started_last),
        .input_full(input_full && !load_q), .error_full(error_full_q),
        .emit_q(emit), .train_q(train), .pass_q(pass), .stochastic_q(stochastic), .rate_q(rate),
        .go(go), .start(start), .same(same), .weight_load(load_weights), .weight_dump(dump_weights),
        .forward_run(f_run), .forward_last(f_last), .forward_axis(f_axis), .forward_bank(f_bank),
        .forward_first(f_first), .forward_feed(f_feed), .forward_kind(f_kind), .forward_scale(f_scale),
        .forward_save(f_save), .forward_store(f_store), .forward_final(f_final), .forward_base(f_base),
        .forward_length(f_length), .present_row(f_row), .present_column(f_column), .forward_sample(f_sample),
        .backward_run(b_run), .backward_last(b_last), .backward_derive(b_derive), .backward_axis(b_axis),
        .backward_bank(b_bank), .backward_first(b_first), .backward_feed(b_feed), .backward_rectified(b_rectified),
        .backward_scale(b_scale), .backward_store(b_store), .backward_emit(b_emit), .backward_base(b_base),
        .backward_length(b_length), .backward_sample(b_sample)
    );

    always @(posedge clk) begin
        if (rst) begin
            step_q <= 1'b0;
            forward_q <= 1'b0;
            forward_last_q <= 1'b0;
            forward_save_q <= 1'b0;
            backward_q <= 1'b0;
            backward_last_q <= 1'b0;
            backward_derive_q <= 1'b0;
            load_q <= 1'b0;
            dump_q <= 1'b0;
        end else if (enable) begin
            step_q <= go;
            forward_q <= go && f_run && !dump_weights;
            forward_last_q <= go && f_last;
            forward_save_q <= go && f_save;
            backward_q <= go && b_run;
            backward_last_q <= go && b_last;
            backward_derive_q <= go && b_derive;
            load_q <= go && load_weights;
            dump_q <= go && dump_weights;
        end
        if (enable) begin
            forward_axis_q <= f_axis;
            forward_bank_q <= f_bank;
            forward_feed_q <= f_feed;
            forward_kind_q <= f_kind;
            forward_scale_q <= f_scale;
            forward_store_q <= f_store;
            final_q <= f_final;
            present_row_q <= f_row;
            present_column_q <= f_column;
            backward_axis_q <= b_axis;
            backward_bank_q <= b_bank;
            backward_feed_q <= b_feed;
            rectified_q <= b_rectified;
            backward_scale_q <= b_scale;
            backward_emit_q <= b_emit;
        end
        if (rst || started) begin
            error_due_q <= 1'b0;
            error_full_q <= 1'b0;
        end else begin
            error_due_q <= enable && result && train && !pass;
            error_full_q <= error_take || (error_full_q && !load_delta);
        end
        if (rst)
            steps_q <= 32'd0;
        else
            steps_q <= steps_q + {31'd0, go};
    end

    // ---- streams ----
    wire input_here, input_wanted, target_here, target_wanted;
    wire [ROWS*WEIGHT-1:0] input_beat;
    wire [ROWS*WORD-1:0] target_beat;
    wire [LENGTH-1:0] input_place;
    wire [1:0] input_sample;

    fabric_fifo #(.WIDTH(ROWS * WEIGHT), .DEPTH(MEMORY)) input_memory (
        .clk(clk), .rst(rst), .in_data(input_data), .in_valid(input_valid), .in_ready(input_ready),
        .out_data(input_beat), .out_valid(input_here), .out_ready(input_wanted)
    );
    fabric_fifo #(.WIDTH(ROWS * WORD), .DEPTH(MEMORY)) target_memory (
        .clk(clk), .rst(rst), .in_data(target_data), .in_valid(target_valid), .in_ready(target_ready),
        .out_data(target_beat), .out_valid(target_here), .out_ready(target_wanted)
    );
    fabric_chain_in #(.LENGTH(LENGTH), .COUNT(32)) input_chain (
        .clk(clk), .rst(rst), .begin_run(started), .last(started_last),
        .count(command_data[1] ? 32'd0 : command_data[79:48]), .valid(input_here), .ready(input_wanted),
        .take(load_operand || load_q), .full_q(input_full), .place_q(input_place), .group_q(input_sample)
    );
    wire [LENGTH-1:0] target_place;
    wire [1:0] target_sample;
    fabric_chain_in #(.LENGTH(LENGTH), .COUNT(32)) target_chain (
        .clk(clk), .rst(rst), .begin_run(started), .last(LAST_PLACE[LENGTH-1:0]),
        .count((command_data[11] && (command_data[1:0] == 2'd0)) ? command_data[79:48] : 32'd0),
        .valid(target_here), .ready(target_wanted), .take(error_take), .full_q(target_full),
        .place_q(target_place), .group_q(target_sample)
    );
    fabric_chain_out #(.PLACES(COLUMNS), .COUNT(PLACES)) output_chain (
        .clk(clk), .rst(rst), .load(output_load && enable), .free(output_free), .valid(output_valid),
        .ready(output_ready), .shift(output_shift)
    );

    // ---- inputs that find no place on the ring ----
    wire [ROWS*WORD-1:0] operand_feed;
    wire [ROWS*WORD-1:0] activation_feed;
    generate
        if (FEED != 0) begin : feeds
            reg [FEED-1:0] forward_index_q;
            reg [FEED-1:0] backward_index_q;
            wire [FEED-1:0] forward_index = start ? f_length[FEED-1:0] : forward_index_q;
            wire [FEED-1:0] backward_index = start ? b_length[FEED-1:0] : backward_index_q;
            always @(posedge clk) begin
                if (go) begin
                    forward_index_q <= forward_index - 1'b1;
                    backward_index_q <= backward_index - 1'b1;
                end
            end
            genvar r;
            for (r = 0; r < ROWS; r = r + 1) begin : row
                fabric_feed #(.WORD(WORD), .ADDRESS(FEED + 2)) feed (
                    .clk(clk), .enable(enable), .write(input_here && input_wanted),
                    .write_address({input_sample, input_place[FEED-1:0]}),
                    .write_data(input_beat[r*WEIGHT +: WORD]),
                    .forward_address({f_sample, forward_index}), .forward_data(operand_feed[r*WORD +: WORD]),
                    .backward_address({b_sample, backward_index}), .backward_data(activation_feed[r*WORD +: WORD])
                );
            end
        end else begin : no_feeds
            assign operand_feed = {(ROWS * WORD){1'b0}};
            assign activation_feed = {(ROWS * WORD){1'b0}};
            wire unused_samples = &{1'b0, input_sample, f_sample, b_sample};
        end
    endgenerate

    fabric_torus #(
        .ROWS(ROWS), .COLUMNS(COLUMNS), .WORD(WORD), .WEIGHT(WEIGHT), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION),
        .WIDEN(WIDEN), .UPDATE_SHIFT(UPDATE_SHIFT), .BANKS(BANKS), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .LENGTH(LENGTH),
        .STORE(STORE), .SIGMOID(SIGMOID), .SIGMOID_TABLE(SIGMOID_TABLE), .SLOPE_TABLE(SLOPE_TABLE)
    ) torus (
        .clk(clk), .rst(rst), .enable(enable),
        .input_shift(input_here && input_wanted), .input_data(input_beat),
        .target_shift(target_here && target_wanted), .target_data(target_beat),
        .output_shift(output_shift), .output_data(output_data),
        .operand_feed(operand_feed), .activation_feed(activation_feed),
        .next_start(start), .next_same(same), .next_forward_run(f_run), .next_forward_axis(f_axis),
        .next_forward_bank(f_bank), .next_forward_base(f_base), .next_forward_length(f_length),
        .next_backward_axis(b_axis), .next_backward_base(b_base), .next_backward_length(b_length),
        .next_backward_store(b_store), .advance(go), .load_operand(load_operand), .load_delta(load_delta),
        .load_activation(go && start && b_run),
        .forward_run(forward_q), .forward_last(forward_last_q),
        .forward_axis(forward_axis_q), .forward_bank(forward_bank_q), .forward_feed(forward_feed_q),
        .forward_kind(forward_kind_q), .forward_scale(forward_scale_q), .forward_save(forward_save_q),
        .forward_store(forward_store_q), .present_row(present_row_q), .present_column(present_column_q),
        .backward_run(backward_q), .backward_last(backward_last_q),
        .backward_derive(backward_derive_q), .backward_axis(backward_axis_q), .backward_bank(backward_bank_q),
        .backward_feed(backward_feed_q), .backward_rectified(rectified_q), .backward_scale(backward_scale_q),
        .stochastic(stochastic), .rate(rate), .output_activation(result), .output_delta(delta_out),
        .output_weight(dump_q), .error_take(error_take), .error_pass(pass), .weight_load(load_q)
    );

    // ---- counters ----
    always @(posedge clk) begin
        if (rst)
            counting_q <= 1'b0;
        else if (started)
            counting_q <= command_data[1:0] == 2'd0;
        if (rst || started)
            begun_q <= 1'b0;
        else
            begun_q <= go || (begun_q && running);
    end
    fabric_counters counters (
        .clk(clk), .rst(rst), .clear(started && (command_data[1:0] == 2'd0)),
        .counting(counting_q && (go || step_q || begun_q)), .forward(forward_q && enable),
        .backward(backward_q && enable), .waiting(running && begun_q && !go),
        .cycles_q(count_cycles), .forward_q(count_forward), .backward_q(count_backward), .waiting_q(count_waiting)
    );
    assign busy = running || !idle;
    assign count_steps = steps_q;

    wire unused = &{1'b0, target_place, target_sample, input_place};
endmodule

`default_nettype wire

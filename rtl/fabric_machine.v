// SPDX-License-Identifier: Apache-2.0
// The training machine: host streams, input and target memories, sequencer, torus (ClosNets, figure 6).
// Latency of a sample: the cycles of its program plus one for the first address.
`default_nettype none

module fabric_machine #(
    parameter ROWS = 4,                 // PEs of a column ring, 1..
    parameter COLUMNS = 4,              // PEs of a row ring, 2..
    parameter WORD = 9,                 // bits of operands, 4..16
    parameter WEIGHT = 12,              // bits of stored weights, WORD..
    parameter ACC = 24,                 // bits of sums, at least 2 WORD + clog2(longest phase) and SHIFT + 5
    parameter SHIFT = 7,                // fraction bits of a weight operand, 1..
    parameter FRACTION = 5,             // fraction bits of activations and targets, 1..WORD-1
    parameter WIDEN = 3,                // fraction bits of a delta less those of an activation, 0..
    parameter UPDATE_SHIFT = 10,        // fraction bits of an increment that are rounded away, 2..16
    parameter BANKS = 3,                // weight memories of a PE: 1, or 3 for overlapped training
    parameter DEPTH = 32,               // words of a weight memory
    parameter ADDRESS = $clog2(DEPTH),  // bits of a weight address
    parameter LENGTH = 8,               // bits of the length of a phase
    parameter STORE = 6,                // activations that a PE stores, 2..16
    parameter FEED = 0,                 // clog2 of the inputs of a row where they exceed COLUMNS, else 0
    parameter SLOTS = 16,               // instructions, a power of two
    parameter SLOT = $clog2(SLOTS),     // bits of an instruction's number
    parameter MEMORY = 8,               // beats of the input memory and of the target memory, a power of two
    parameter SIGMOID = 1,              // 0 leaves the sigmoid out
    parameter PIPELINE = 0,             // 1: registers behind products; 2: also results of phases kept, to interleave
    parameter SATURATIONS = 0,          // 1: count what is clipped
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex",
    parameter FIXED = 0,                // 1: the instructions are those of the file, whatever the stream says
    parameter PROGRAM_TABLE = "program.hex"
) (
    input  wire                                   clk,
    input  wire                                   rst,
    input  wire [SLOT+2*ADDRESS+5*LENGTH+51-1:0]  program_data,     // address below the instruction
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
    output wire [31:0]                            count_updates,    // cycles in which weights are written
    output wire [31:0]                            count_clipped_activations,    // zero unless SATURATIONS = 1
    output wire [31:0]                            count_clipped_errors,
    output wire [31:0]                            count_clipped_deltas,
    output wire [31:0]                            count_clipped_weights,
    output wire [31:0]                            count_steps,      // since reset: tells a hang from a long run
    output wire [SLOT-1:0]                        count_slot        // instruction of the next cycle
);
    localparam INSTRUCTION = 2 * ADDRESS + 5 * LENGTH + 51;
    localparam PLACES = $clog2(COLUMNS + 1);
    localparam LAST_PLACE = COLUMNS - 1;
    localparam MOST = (ROWS > COLUMNS) ? ROWS : COLUMNS;
    localparam ISSUE = (PIPELINE == 0) ? 0 : 1;         // cycles from the sequencer to the addresses
    localparam ADD = (PIPELINE == 0) ? 0 : 1;           // from a product to its sum
    localparam WRITE = (PIPELINE == 0) ? 0 : 2;         // from a product to its weight
    localparam IN_FLIGHT = (PIPELINE == 2) ? 3 : 2;     // bits of the number of a sample under way

    // A build that cannot work names a module that does not exist.
    generate
        if ((ROWS < 1) || (COLUMNS < 2) || (ROWS * COLUMNS > 65535)) begin : wrong_elements
            ROWS_from_1_COLUMNS_from_2_and_65535_elements_at_most refused ();
        end
        if ((WORD < 4) || (WORD > 16)) begin : word_must_be_from_4_to_16
            WORD_must_be_from_4_to_16 refused ();
        end
        if (WEIGHT < WORD) begin : weight_must_be_at_least_word
            WEIGHT_must_be_at_least_WORD refused ();
        end
        if ((SHIFT < 1) || (ACC < SHIFT + 5) || (ACC < 2 * WORD + $clog2(MOST))) begin : wrong_sums
            ACC_must_hold_the_longest_sum_and_SHIFT_be_from_1 refused ();
        end
        if ((FRACTION < 1) || (FRACTION >= WORD)) begin : fraction_must_be_from_1_to_word_less_1
            FRACTION_must_be_from_1_to_WORD_less_1 refused ();
        end
        if (WIDEN < 0) begin : widen_must_be_at_least_0
            WIDEN_must_be_at_least_0 refused ();
        end
        if ((UPDATE_SHIFT < 2) || (UPDATE_SHIFT > 16)) begin : update_shift_must_be_from_2_to_16
            UPDATE_SHIFT_must_be_from_2_to_16 refused ();
        end
        if ((BANKS != 1) && (BANKS != 3)) begin : banks_must_be_1_or_3
            BANKS_must_be_1_or_3 refused ();
        end
        if ((DEPTH < 2) || ((1 << ADDRESS) < DEPTH)) begin : depth_must_be_from_2_and_address_hold_it
            DEPTH_must_be_from_2_and_ADDRESS_hold_it refused ();
        end
        if (((1 << LENGTH) <= ROWS) || ((1 << LENGTH) <= COLUMNS)) begin : length_must_hold_rows_and_columns
            LENGTH_must_hold_ROWS_and_COLUMNS refused ();
        end
        if ((STORE < 2) || (STORE > 16)) begin : store_must_be_from_2_to_16
            STORE_must_be_from_2_to_16 refused ();
        end
        if ((FEED < 0) || ((FEED != 0) && ((1 << FEED) <= COLUMNS))) begin : feed_must_be_0_or_hold_more_than_columns
            FEED_must_be_0_or_hold_more_than_COLUMNS refused ();
        end
        if ((SLOT < 1) || (SLOTS != (1 << SLOT))) begin : slots_must_be_a_power_of_two
            SLOTS_must_be_a_power_of_two refused ();
        end
        if ((MEMORY < 2) || ((MEMORY & (MEMORY - 1)) != 0)) begin : memory_must_be_a_power_of_two
            MEMORY_must_be_a_power_of_two refused ();
        end
        if ((PIPELINE < 0) || (PIPELINE > 2)) begin : pipeline_must_be_0_1_or_2
            PIPELINE_must_be_0_1_or_2 refused ();
        end
    endgenerate

    // ---- what the sequencer says of a cycle, the cycle in which its addresses are read, those in which operands are
    // multiplied, products added, sums results, weights written ----
    wire say_f_start, say_f_run, say_f_last, say_f_first, say_f_axis, say_f_feed, say_f_save, say_f_final,
        say_b_start, say_b_run, say_b_last, say_b_derive, say_b_first, say_b_axis, say_b_feed, say_b_rectified,
        say_b_derives, say_b_frozen, say_b_emit, say_same, say_load, say_dump, say_go;
    wire [1:0] say_f_bank, say_f_kind, say_f_scale, say_f_from, say_f_to, say_b_bank, say_b_scale, say_b_from,
        say_b_to;
    wire [3:0] say_f_store, say_b_store;
    wire [ADDRESS-1:0] say_f_base, say_b_base;
    wire [LENGTH-1:0] say_f_length, say_f_row, say_f_column, say_b_length;
    wire [2:0] say_f_sample, say_b_sample;
    wire next_f_start, next_f_run, next_f_last, next_f_first, next_f_axis, next_f_feed, next_f_save, next_f_final,
        next_b_start, next_b_run, next_b_last, next_b_derive, next_b_first, next_b_axis, next_b_feed,
        next_b_rectified, next_b_derives, next_b_frozen, next_b_emit, next_same, next_load, next_dump, next_go;
    wire [1:0] next_f_bank, next_f_kind, next_f_scale, next_f_from, next_f_to, next_b_bank, next_b_scale, next_b_from,
        next_b_to;
    wire [3:0] next_f_store, next_b_store;
    wire [ADDRESS-1:0] next_f_base, next_b_base;
    wire [LENGTH-1:0] next_f_length, next_f_row, next_f_column, next_b_length;
    wire [2:0] next_f_sample, next_b_sample;
    wire mul_f_start, mul_f_run, mul_f_last, mul_f_save, mul_b_start, mul_b_run, mul_b_last, mul_b_derive, mul_load,
        mul_dump, mul_go, mul_f_axis, mul_f_feed, mul_f_final, mul_b_axis, mul_b_feed, mul_b_rectified, mul_b_derives,
        mul_b_frozen, mul_b_emit;
    wire [1:0] mul_f_bank, mul_f_kind, mul_f_scale, mul_f_to, mul_b_bank, mul_b_scale, mul_b_to;
    wire [3:0] mul_f_store;
    wire [LENGTH-1:0] mul_f_row, mul_f_column;
    wire add_f_run, add_f_last, add_b_run, add_b_last, add_b_derive, add_b_axis, add_b_feed;
    wire [1:0] add_f_scale, add_b_scale;
    wire end_f_last, end_f_final, end_b_last, end_b_derive, end_b_derives, end_b_rectified, end_b_emit;
    wire [1:0] end_f_kind, end_f_to, end_b_to;
    wire [LENGTH-1:0] end_f_row, end_f_column;
    wire write_b_run, write_b_frozen, write_b_axis, write_load;
    wire [1:0] write_b_bank;

    wire running, started, emit, train, pass, stochastic;
    wire [2:0] rate;
    wire [LENGTH-1:0] started_last;
    reg [31:0] steps_q;

    wire input_full, target_full, output_free, output_shift, output_load, output_held;
    wire enable, error_take, idle, settled, under_way, counted, input_there, error_there, result_full;
    wire load_operand = next_go && next_f_first;
    wire load_delta = next_go && next_b_first;
    wire result = end_f_last && end_f_final;
    wire delta_out = end_b_emit && (end_b_derive || (end_b_last && !end_b_derives));

    fabric_sequencer #(
        .ADDRESS(ADDRESS), .LENGTH(LENGTH), .SLOTS(SLOTS), .SLOT(SLOT), .WIDTH(INSTRUCTION), .PIPELINE(PIPELINE),
        .FIXED(FIXED), .PROGRAM_TABLE(PROGRAM_TABLE)
    ) sequencer (
        .clk(clk), .rst(rst), .enable(enable), .idle(idle),
        .program_valid(program_valid), .program_ready(program_ready),
        .program_address(program_data[SLOT-1:0]), .program_data(program_data[SLOT +: INSTRUCTION]),
        .command_valid(command_valid), .command_ready(command_ready), .command_data(command_data),
        .running(running), .slot(count_slot), .started(started), .started_last(started_last),
        .input_full(input_there), .error_full(error_there), .result_full(result_full),
        .emit_q(emit), .train_q(train), .pass_q(pass), .stochastic_q(stochastic), .rate_q(rate),
        .forward_start(say_f_start), .forward_run(say_f_run), .forward_last(say_f_last), .forward_first(say_f_first),
        .forward_axis(say_f_axis), .forward_bank(say_f_bank), .forward_feed(say_f_feed), .forward_kind(say_f_kind),
        .forward_scale(say_f_scale), .forward_save(say_f_save), .forward_store(say_f_store),
        .forward_from(say_f_from), .forward_to(say_f_to), .forward_final(say_f_final), .forward_base(say_f_base),
        .forward_length(say_f_length), .present_row(say_f_row), .present_column(say_f_column),
        .forward_sample(say_f_sample), .backward_start(say_b_start), .backward_run(say_b_run),
        .backward_last(say_b_last), .backward_derive(say_b_derive), .backward_first(say_b_first),
        .backward_axis(say_b_axis), .backward_bank(say_b_bank), .backward_feed(say_b_feed),
        .backward_rectified(say_b_rectified), .backward_derives(say_b_derives), .backward_scale(say_b_scale),
        .backward_store(say_b_store), .backward_from(say_b_from), .backward_to(say_b_to),
        .backward_frozen(say_b_frozen), .backward_emit(say_b_emit), .backward_base(say_b_base),
        .backward_length(say_b_length), .backward_sample(say_b_sample), .same(say_same), .weight_load(say_load),
        .weight_dump(say_dump), .go(say_go)
    );
    wire [2 * ADDRESS + 4 * LENGTH + 55-1:0] to_next_fields;
    fabric_delay #(.WIDTH(2 * ADDRESS + 4 * LENGTH + 55), .STAGES(ISSUE)) to_next (
        .clk(clk), .rst(rst), .enable(1'b1),
        .in({
            say_f_start, say_f_run, say_f_last, say_f_first, say_f_axis, say_f_bank, say_f_feed, say_f_kind,
            say_f_scale, say_f_save, say_f_store, say_f_from, say_f_to, say_f_final, say_f_base, say_f_length,
            say_f_row, say_f_column, say_f_sample, say_b_start, say_b_run, say_b_last, say_b_derive, say_b_first,
            say_b_axis, say_b_bank, say_b_feed, say_b_rectified, say_b_derives, say_b_scale, say_b_store, say_b_from,
            say_b_to, say_b_frozen, say_b_emit, say_b_base, say_b_length, say_b_sample, say_same, say_load, say_dump,
            say_go
        }),
        .out(to_next_fields)
    );
    assign {
        next_f_start, next_f_run, next_f_last, next_f_first, next_f_axis, next_f_bank, next_f_feed, next_f_kind,
        next_f_scale, next_f_save, next_f_store, next_f_from, next_f_to, next_f_final, next_f_base, next_f_length,
        next_f_row, next_f_column, next_f_sample, next_b_start, next_b_run, next_b_last, next_b_derive, next_b_first,
        next_b_axis, next_b_bank, next_b_feed, next_b_rectified, next_b_derives, next_b_scale, next_b_store,
        next_b_from, next_b_to, next_b_frozen, next_b_emit, next_b_base, next_b_length, next_b_sample, next_same,
        next_load, next_dump, next_go
    } = to_next_fields;
    wire [2 * LENGTH + 38-1:0] to_multiply_fields;
    fabric_delay #(.WIDTH(2 * LENGTH + 38), .STAGES(1)) to_multiply (
        .clk(clk), .rst(rst), .enable(enable),
        .in({
            next_go && next_f_start, next_go && next_f_run && !next_dump, next_go && next_f_last, next_go &&
            next_f_save, next_go && next_b_start, next_go && next_b_run, next_go && next_b_last, next_go &&
            next_b_derive, next_go && next_load, next_go && next_dump, next_go, next_f_axis, next_f_bank, next_f_feed,
            next_f_kind, next_f_scale, next_f_store, next_f_to, next_f_final, next_f_row, next_f_column, next_b_axis,
            next_b_bank, next_b_feed, next_b_rectified, next_b_derives, next_b_scale, next_b_to, next_b_frozen,
            next_b_emit
        }),
        .out(to_multiply_fields)
    );
    assign {
        mul_f_start, mul_f_run, mul_f_last, mul_f_save, mul_b_start, mul_b_run, mul_b_last, mul_b_derive, mul_load,
        mul_dump, mul_go, mul_f_axis, mul_f_bank, mul_f_feed, mul_f_kind, mul_f_scale, mul_f_store, mul_f_to,
        mul_f_final, mul_f_row, mul_f_column, mul_b_axis, mul_b_bank, mul_b_feed, mul_b_rectified, mul_b_derives,
        mul_b_scale, mul_b_to, mul_b_frozen, mul_b_emit
    } = to_multiply_fields;
    wire [11-1:0] to_add_fields;
    fabric_delay #(.WIDTH(11), .STAGES(ADD)) to_add (
        .clk(clk), .rst(rst), .enable(1'b1),
        .in({
            mul_f_run, mul_f_last, mul_f_scale, mul_b_run, mul_b_last, mul_b_derive, mul_b_axis, mul_b_feed, mul_b_scale
        }),
        .out(to_add_fields)
    );
    assign {
        add_f_run, add_f_last, add_f_scale, add_b_run, add_b_last, add_b_derive, add_b_axis, add_b_feed, add_b_scale
    } = to_add_fields;
    wire [2 * LENGTH + 13-1:0] to_result_fields;
    fabric_delay #(.WIDTH(2 * LENGTH + 13), .STAGES(PIPELINE)) to_result (
        .clk(clk), .rst(rst), .enable(1'b1),
        .in({
            mul_f_last, mul_f_final, mul_f_kind, mul_f_to, mul_f_row, mul_f_column, mul_b_last, mul_b_derive,
            mul_b_derives, mul_b_rectified, mul_b_emit, mul_b_to
        }),
        .out(to_result_fields)
    );
    assign {
        end_f_last, end_f_final, end_f_kind, end_f_to, end_f_row, end_f_column, end_b_last, end_b_derive,
        end_b_derives, end_b_rectified, end_b_emit, end_b_to
    } = to_result_fields;
    wire [6-1:0] to_write_fields;
    fabric_delay #(.WIDTH(6), .STAGES(WRITE)) to_write (
        .clk(clk), .rst(rst), .enable(1'b1),
        .in({
            mul_b_run, mul_b_frozen, mul_b_axis, mul_b_bank, mul_load
        }),
        .out(to_write_fields)
    );
    assign {
        write_b_run, write_b_frozen, write_b_axis, write_b_bank, write_load
    } = to_write_fields;

    wire [2*MOST*ADDRESS-1:0] say_starts;
    wire [2*MOST*ADDRESS-1:0] next_starts;
    fabric_delay #(.WIDTH(2 * MOST * ADDRESS), .STAGES(ISSUE)) to_places (
        .clk(clk), .rst(rst), .enable(1'b1), .in(say_starts), .out(next_starts)
    );
    wire [BANKS-1:0] write;
    wire [BANKS-1:0] say_reads_forward;
    wire [BANKS-1:0] say_axis;
    wire [BANKS-1:0] next_reads_forward;
    wire [BANKS-1:0] next_axis;
    wire [2*BANKS-1:0] to_memories_fields;
    fabric_delay #(.WIDTH(2 * BANKS), .STAGES(ISSUE)) to_memories (
        .clk(clk), .rst(rst), .enable(1'b1), .in({say_axis, say_reads_forward}), .out(to_memories_fields)
    );
    assign {next_axis, next_reads_forward} = to_memories_fields;
    genvar b;
    genvar p;
    genvar r;
    generate
        for (p = 0; p < MOST; p = p + 1) begin : place
            localparam [ADDRESS-1:0] PLACE = p;
            assign say_starts[p*ADDRESS +: ADDRESS] = say_f_base + PLACE;
            assign say_starts[(MOST+p)*ADDRESS +: ADDRESS] = say_b_base + PLACE;
        end
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            assign say_reads_forward[b] = say_f_run && ((BANKS == 1) || (say_f_bank == b));
            assign say_axis[b] = say_reads_forward[b] ? say_f_axis : say_b_axis;
            assign write[b] = enable && ((write_b_run && !write_b_frozen) || write_load) && (write_b_bank == b);
        end
    endgenerate

    // ---- what a step may have to wait for ----
    fabric_wait #(.PIPELINE(PIPELINE)) wait_for (
        .clk(clk), .rst(rst), .started(started), .running(running), .emit(emit), .train(train), .pass(pass),
        .input_full(input_full), .target_full(target_full), .output_free(output_free), .load_delta(load_delta),
        .input_there(input_there), .error_there(error_there), .error_take(error_take), .output_load(output_load),
        .output_held(output_held), .say_go(say_go), .say_result(say_f_last && say_f_final),
        .say_leaving(say_b_emit && (say_b_derive || (say_b_last && !say_b_derives))), .say_load(say_load),
        .say_dump(say_dump), .result_full(result_full), .next_go(next_go), .next_dump(next_dump), .mul_go(mul_go),
        .mul_load(mul_load), .mul_dump(mul_dump), .write_load(write_load), .result(result), .leaving(delta_out),
        .enable(enable), .under_way(under_way), .settled(settled)
    );
    assign idle = settled && !output_valid;

    always @(posedge clk) begin
        if (rst)
            steps_q <= 32'd0;
        else
            steps_q <= steps_q + {31'd0, mul_go && enable};
    end

    // ---- streams ----
    wire input_here, input_wanted, target_here, target_wanted;
    wire [ROWS*WEIGHT-1:0] input_beat;
    wire [ROWS*WORD-1:0] target_beat;
    wire [LENGTH-1:0] input_place;
    wire [IN_FLIGHT-1:0] input_sample;

    fabric_fifo #(.WIDTH(ROWS * WEIGHT), .DEPTH(MEMORY)) input_memory (
        .clk(clk), .rst(rst), .in_data(input_data), .in_valid(input_valid), .in_ready(input_ready),
        .out_data(input_beat), .out_valid(input_here), .out_ready(input_wanted)
    );
    fabric_fifo #(.WIDTH(ROWS * WORD), .DEPTH(MEMORY)) target_memory (
        .clk(clk), .rst(rst), .in_data(target_data), .in_valid(target_valid), .in_ready(target_ready),
        .out_data(target_beat), .out_valid(target_here), .out_ready(target_wanted)
    );
    fabric_chain_in #(.LENGTH(LENGTH), .COUNT(32), .GROUP(IN_FLIGHT)) input_chain (
        .clk(clk), .rst(rst), .begin_run(started), .last(started_last),
        .count(command_data[1] ? 32'd0 : command_data[79:48]), .valid(input_here), .ready(input_wanted),
        .take(load_operand || write_load), .full_q(input_full), .place_q(input_place), .group_q(input_sample)
    );
    wire [LENGTH-1:0] target_place;
    wire [IN_FLIGHT-1:0] target_sample;
    fabric_chain_in #(.LENGTH(LENGTH), .COUNT(32), .GROUP(IN_FLIGHT)) target_chain (
        .clk(clk), .rst(rst), .begin_run(started), .last(LAST_PLACE[LENGTH-1:0]),
        .count((command_data[12] && (command_data[1:0] == 2'd0)) ? command_data[79:48] : 32'd0),
        .valid(target_here), .ready(target_wanted), .take(error_take), .full_q(target_full),
        .place_q(target_place), .group_q(target_sample)
    );
    // The skid keeps output_ready from everything but its own registers.
    wire chain_valid, chain_ready;
    wire [ROWS*WEIGHT-1:0] chain_data;
    fabric_chain_out #(.PLACES(COLUMNS), .COUNT(PLACES)) output_chain (
        .clk(clk), .rst(rst), .load(output_load), .free(output_free), .valid(chain_valid), .ready(chain_ready),
        .shift(output_shift)
    );
    fabric_skid #(.WIDTH(ROWS * WEIGHT)) output_skid (
        .clk(clk), .rst(rst), .in_data(chain_data), .in_valid(chain_valid), .in_ready(chain_ready),
        .out_data(output_data), .out_valid(output_valid), .out_ready(output_ready)
    );

    // ---- inputs that find no place on the ring ----
    wire [ROWS*WORD-1:0] operand_feed;
    wire [ROWS*WORD-1:0] activation_feed;
    generate
        if (FEED != 0) begin : feeds
            reg [FEED-1:0] forward_index_q;
            reg [FEED-1:0] backward_index_q;
            wire [FEED-1:0] forward_index = next_f_start ? next_f_length[FEED-1:0] : forward_index_q;
            wire [FEED-1:0] backward_index = next_b_start ? next_b_length[FEED-1:0] : backward_index_q;
            always @(posedge clk) begin
                if (next_go) begin
                    forward_index_q <= forward_index - 1'b1;
                    backward_index_q <= backward_index - 1'b1;
                end
            end
            for (r = 0; r < ROWS; r = r + 1) begin : row
                fabric_feed #(.WORD(WORD), .ADDRESS(FEED + IN_FLIGHT)) feed (
                    .clk(clk), .enable(enable), .write(input_here && input_wanted),
                    .write_address({input_sample, input_place[FEED-1:0]}),
                    .write_data(input_beat[r*WEIGHT +: WORD]),
                    .forward_address({next_f_sample[IN_FLIGHT-1:0], forward_index}),
                    .forward_data(operand_feed[r*WORD +: WORD]),
                    .backward_address({next_b_sample[IN_FLIGHT-1:0], backward_index}),
                    .backward_data(activation_feed[r*WORD +: WORD])
                );
            end
        end else begin : no_feeds
            assign operand_feed = {(ROWS * WORD){1'b0}};
            assign activation_feed = {(ROWS * WORD){1'b0}};
            wire unused_samples = &{1'b0, input_sample};
        end
    endgenerate

    wire [67:0] clips;
    fabric_torus #(
        .ROWS(ROWS), .COLUMNS(COLUMNS), .WORD(WORD), .WEIGHT(WEIGHT), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION),
        .WIDEN(WIDEN), .UPDATE_SHIFT(UPDATE_SHIFT), .BANKS(BANKS), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .LENGTH(LENGTH),
        .STORE(STORE), .SIGMOID(SIGMOID), .PIPELINE(PIPELINE), .SATURATIONS(SATURATIONS),
        .SIGMOID_TABLE(SIGMOID_TABLE), .SLOPE_TABLE(SLOPE_TABLE)
    ) torus (
        .clk(clk), .rst(rst), .enable(enable),
        .input_shift(input_here && input_wanted), .input_data(input_beat),
        .target_shift(target_here && target_wanted), .target_data(target_beat),
        .output_shift(output_shift), .output_data(chain_data),
        .operand_feed(operand_feed), .activation_feed(activation_feed),
        .next_forward_start(next_f_start), .next_backward_start(next_b_start), .next_same(next_same),
        .next_reads_forward(next_reads_forward), .next_axis(next_axis), .next_forward_base(next_f_base),
        .next_forward_starts(next_starts[0 +: MOST*ADDRESS]), .next_forward_length(next_f_length), .next_backward_base(next_b_base),
        .next_backward_starts(next_starts[MOST*ADDRESS +: MOST*ADDRESS]), .next_backward_length(next_b_length),
        .next_backward_store(next_b_store), .advance(next_go && enable), .load_operand(load_operand),
        .take_operand((PIPELINE == 2) && next_go && next_f_start && !next_f_first), .take_operand_from(next_f_from),
        .load_delta(load_delta), .take_delta((PIPELINE == 2) && next_go && next_b_start && !next_b_first),
        .take_delta_from(next_b_from), .load_activation(next_go && next_b_start), .forward_run(mul_f_run),
        .forward_axis(mul_f_axis), .forward_bank(mul_f_bank), .forward_feed(mul_f_feed), .forward_save(mul_f_save),
        .forward_store(mul_f_store), .backward_run(mul_b_run), .backward_axis(mul_b_axis), .backward_bank(mul_b_bank),
        .backward_feed(mul_b_feed), .backward_ends(mul_b_last), .backward_derive(mul_b_derive),
        .stochastic(stochastic), .rate(rate), .output_weight(mul_dump),
        .forward_begins((ADD == 0) ? next_go && next_f_start : mul_f_start),
        .forward_begins_scale((ADD == 0) ? next_f_scale : mul_f_scale), .forward_add(add_f_run),
        .forward_complete(add_f_last), .forward_scale(add_f_scale),
        .backward_begins((ADD == 0) ? next_go && next_b_start : mul_b_start),
        .backward_begins_scale((ADD == 0) ? next_b_scale : mul_b_scale), .backward_add(add_b_run),
        .backward_add_axis(add_b_axis), .backward_complete(add_b_last), .backward_derive_add(add_b_derive),
        .backward_scale(add_b_scale), .forward_done(end_f_last), .forward_last(end_f_last && !end_f_final),
        .forward_to(end_f_to), .forward_kind(end_f_kind), .present_row(end_f_row), .present_column(end_f_column),
        .backward_done(end_b_last || end_b_derive),
        .backward_keep((PIPELINE == 2) ? end_b_last && end_b_derives : end_b_last || end_b_derive),
        .backward_write(end_b_derive || (end_b_last && !end_b_derives)), .backward_to(end_b_to),
        .backward_rectified(end_b_rectified), .write(write), .write_axis(write_b_axis), .write_input(write_load),
        .final_activation(result), .final_delta(delta_out), .output_final(output_held), .error_take(error_take),
        .error_pass(pass), .clips(clips)
    );

    fabric_statistics #(.SATURATIONS(SATURATIONS)) statistics (
        .clk(clk), .rst(rst), .started(started), .run(command_data[1:0] == 2'd0), .running(running), .enable(enable),
        .go(say_go), .under_way(under_way), .forward(mul_f_run), .backward(mul_b_run),
        .update(write_b_run && !write_b_frozen), .placed(!add_b_feed), .clips(clips), .counted_q(counted),
        .cycles(count_cycles), .forwards(count_forward), .backwards(count_backward), .waits(count_waiting),
        .updates(count_updates), .clipped_activations(count_clipped_activations),
        .clipped_errors(count_clipped_errors), .clipped_deltas(count_clipped_deltas),
        .clipped_weights(count_clipped_weights)
    );
    assign busy = running || !idle || counted;
    assign count_steps = steps_q;

    wire unused = &{1'b0, target_place, target_sample, input_place, next_b_sample, next_f_sample};
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// The pipelined junction machine: junctions side by side, each with its own sample forward and another one backward in
// every block; host streams, error calculator, counters (pre-defined sparsity, section 5, figure at the right).
// Latency of a sample: 2 * JUNCTIONS blocks, each of the cycles of the slowest junction and 2.
`default_nettype none

module fabric_junctions #(
    parameter JUNCTIONS = 2,                // 1..8; the parameters of 32-bit fields hold one each, the first one lowest
    parameter [287:0] WIDTHS = {192'd0, 32'd4, 32'd4, 32'd8},   // neurons of all layers
    parameter [255:0] FAN_OUTS = {192'd0, 32'd2, 32'd2},
    parameter [255:0] LANES = {192'd0, 32'd2, 32'd4},            // edges a cycle
    parameter [255:0] ENTRIES = {192'd0, 32'd2, 32'd2},          // of the address generators
    parameter [7:0] DITHER = 8'd3,          // a bit each: crossbars between lanes and memories
    parameter [15:0] FUNCTIONS = 16'd10,    // two bits each, of the right layer: 0 identity, 1 ReLU, 2 sigmoid
    parameter WORD = 9,                     // bits of operands, 4..16
    parameter WEIGHT = 12,                  // bits of stored weights, WORD..24
    parameter ACC = 24,                     // bits of sums, at least 2 WORD + clog2(longest sum) + 1
    parameter SHIFT = 7,                    // fraction bits of a weight operand, 1..WORD+4
    parameter FRACTION = 5,                 // fraction bits of activations and targets, 1..WORD-1
    parameter WIDEN = 3,                    // fraction bits of a delta less those of an activation, 0..12
    parameter UPDATE_SHIFT = 10,            // fraction bits of an increment that are rounded away, 2..16
    parameter PATTERN = 12,                 // bits of the widest entry of an address generator
    parameter LOAD = 48,                    // bits of the widest row of weights
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex",
    // what follows from the others
    parameter LAST = (JUNCTIONS < 1 || JUNCTIONS > 8) ? 0 : JUNCTIONS - 1,  // number of the last junction
    parameter INPUT_LANES = LANES[31:0],                                    // lanes of the first one
    // of the last one: edges of an output, outputs finished side by side
    parameter FAN_IN = WIDTHS[LAST*32 +: 32] * FAN_OUTS[LAST*32 +: 32] / WIDTHS[(LAST+1)*32 +: 32],
    parameter GROUP = (LANES[LAST*32 +: 32] > FAN_IN) ? LANES[LAST*32 +: 32] / FAN_IN : 1
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire [PATTERN+19:0]          pattern_data,   // junction (4 bits), number of the entry (16), entry
    input  wire                         pattern_valid,
    output wire                         pattern_ready,
    input  wire [LOAD+19:0]             weight_data,    // junction (4 bits), number of the row (16), row
    input  wire                         weight_valid,
    output wire                         weight_ready,
    input  wire [47:0]                  command_data,
    input  wire                         command_valid,
    output wire                         command_ready,
    input  wire [INPUT_LANES*WORD-1:0]  input_data,     // a row of the first bank
    input  wire                         input_valid,
    output wire                         input_ready,
    input  wire [GROUP*WORD-1:0]        target_data,
    input  wire                         target_valid,
    output wire                         target_ready,
    output wire [GROUP*WORD-1:0]        output_data,
    output wire                         output_valid,
    input  wire                         output_ready,
    output wire [LOAD-1:0]              dump_data,      // a row of weights
    output wire                         dump_valid,
    input  wire                         dump_ready,
    output wire                         busy,
    output wire [31:0]                  count_cycles,
    output wire [31:0]                  count_forward,
    output wire [31:0]                  count_backward,
    output wire [31:0]                  count_waiting,
    output wire [31:0]                  count_steps     // since reset: tells a hang from a long run
);
    // Of junction i: edges of a right neuron, cycles of a pass, neurons finished side by side, lanes before it.
    function [31:0] fan_in_of;
        input [31:0] i;
        fan_in_of = WIDTHS[i*32 +: 32] * FAN_OUTS[i*32 +: 32] / WIDTHS[(i+1)*32 +: 32];
    endfunction

    function [31:0] cycles_of;
        input [31:0] i;
        cycles_of = WIDTHS[i*32 +: 32] * FAN_OUTS[i*32 +: 32] / LANES[i*32 +: 32];
    endfunction

    function [31:0] side_of;
        input [31:0] i;
        side_of = (LANES[i*32 +: 32] > fan_in_of(i)) ? LANES[i*32 +: 32] / fan_in_of(i) : 32'd1;
    endfunction

    function [31:0] lanes_before;
        input [31:0] junction;
        integer i;
        begin
            lanes_before = 32'd0;
            for (i = 0; i < junction; i = i + 1)
                lanes_before = lanes_before + LANES[i*32 +: 32];
        end
    endfunction

    // Cycles of the slowest of the first junctions.
    function [31:0] slowest_of;
        input [31:0] count;
        integer i;
        begin
            slowest_of = 32'd1;
            for (i = 0; i < count; i = i + 1)
                if (cycles_of(i) > slowest_of)
                    slowest_of = cycles_of(i);
        end
    endfunction

    localparam STAGES = 2 * LAST + 2;
    localparam SLOWEST = slowest_of(LAST + 1);
    localparam TIME = $clog2(SLOWEST + 2) + 1;
    localparam OUTPUTS = WIDTHS[(LAST+1)*32 +: 32];
    localparam BEATS = OUTPUTS / GROUP;                 // of a target or an output
    localparam ROWS = WIDTHS[31:0] / INPUT_LANES;       // beats of an input
    localparam RESULT_ROW = (BEATS > 1) ? $clog2(BEATS) : 1;
    localparam QUEUE = 1 << $clog2(2 * BEATS + 2);      // beats of the queues of targets and outputs
    localparam FULL = QUEUE - BEATS;

    // ---- commands: patterns, weights and commands are taken while nothing runs, each in any cycle ----
    reg reading_q, train_q, stochastic_q, sequential_q;
    reg [2:0] rate_q;
    reg [3:0] junction_q;
    reg [15:0] row_q;
    reg [31:0] count_q;
    reg dump_valid_q;
    wire running, admit, next_block;
    wire accept = command_valid && command_ready;
    wire more = count_q != 32'd0;
    wire read = reading_q && more && !dump_valid_q;     // every other cycle: dump_ready ends at this register
    wire idle = !running && !reading_q && !output_valid;
    assign command_ready = idle;
    assign pattern_ready = idle;
    assign weight_ready = idle;
    assign busy = !idle;
    assign dump_valid = dump_valid_q;

    always @(posedge clk) begin
        if (rst) begin
            reading_q <= 1'b0;
            dump_valid_q <= 1'b0;
        end else begin
            reading_q <= accept ? command_data[0] : reading_q && (more || dump_valid_q);
            dump_valid_q <= read || (dump_valid_q && !dump_ready);
        end
        if (accept) begin
            train_q <= command_data[1];
            stochastic_q <= command_data[2];
            sequential_q <= command_data[3];
            rate_q <= command_data[6:4];
            junction_q <= command_data[11:8];
            count_q <= command_data[47:16];
            row_q <= 16'd0;
        end else begin
            if (read || (next_block && admit))
                count_q <= count_q - 32'd1;
            if (read)
                row_q <= row_q + 16'd1;
        end
    end

    // ---- blocks ----
    reg loaded_q;
    reg [15:0] filled_q;
    reg [31:0] targets_q;
    reg [31:0] results_q;
    reg [31:0] steps_q;
    wire in_block, counting, result, target_here, result_room;
    wire [TIME-1:0] cycle;
    wire [STAGES-1:0] stages;
    wire take_target = result && train_q;
    wire targets_ready = !train_q || (targets_q - {31'd0, take_target} >= BEATS);
    wire results_ready = results_q + {31'd0, result} <= FULL;
    wire input_write = input_valid && input_ready;
    assign input_ready = running && admit && !loaded_q;

    fabric_junction_schedule #(.JUNCTIONS(LAST + 1), .CYCLES(SLOWEST)) schedule (
        .clk(clk), .rst(rst), .start(accept && !command_data[0]), .train(train_q), .sequential(sequential_q),
        .more(more), .loaded(loaded_q), .room(targets_ready && results_ready), .admit(admit), .next_block(next_block),
        .running_q(running), .in_block_q(in_block), .cycle_q(cycle), .stages_q(stages), .counting(counting)
    );

    always @(posedge clk) begin
        if (rst || next_block || accept) begin
            loaded_q <= 1'b0;
            filled_q <= 16'd0;
        end else if (input_write) begin
            loaded_q <= {16'd0, filled_q} == ROWS - 32'd1;
            filled_q <= filled_q + 16'd1;
        end
        if (rst) begin
            targets_q <= 32'd0;
            results_q <= 32'd0;
            steps_q <= 32'd0;
        end else begin
            targets_q <= targets_q + {31'd0, target_valid && target_ready} - {31'd0, take_target};
            results_q <= results_q + {31'd0, result} - {31'd0, output_valid && output_ready};
            steps_q <= steps_q + {31'd0, in_block};
        end
    end

    // ---- junctions ----
    wire [GROUP*WORD-1:0] result_data;
    wire [GROUP*WORD-1:0] target;
    wire [GROUP*WORD-1:0] error;
    reg [RESULT_ROW-1:0] result_row_q;

    genvar j, g;
    generate
        if (JUNCTIONS < 1 || JUNCTIONS > 8) begin : check_junctions
            JUNCTIONS_must_be_from_1_to_8 refused ();
        end
        if (WORD < 4 || WORD > 16) begin : check_word
            WORD_must_be_from_4_to_16 refused ();
        end
        if (WEIGHT < WORD || WEIGHT > 24) begin : check_weight
            WEIGHT_must_be_from_WORD_to_24 refused ();
        end
        if (SHIFT < 1 || SHIFT > WORD + 4) begin : check_shift
            SHIFT_must_be_from_1_to_WORD_and_4 refused ();
        end
        if (FRACTION < 1 || FRACTION > WORD - 1) begin : check_fraction
            FRACTION_must_be_from_1_to_one_less_than_WORD refused ();
        end
        if (WIDEN < 0 || WIDEN > 12) begin : check_widen
            WIDEN_must_be_from_0_to_12 refused ();
        end
        if (UPDATE_SHIFT < 2 || UPDATE_SHIFT > 16) begin : check_update_shift
            UPDATE_SHIFT_must_be_from_2_to_16 refused ();
        end
        for (j = 0; j <= LAST; j = j + 1) begin : stage
            localparam INPUTS = WIDTHS[j*32 +: 32];
            localparam RIGHT = WIDTHS[(j+1)*32 +: 32];
            localparam FAN_OUT = FAN_OUTS[j*32 +: 32];
            localparam Z = LANES[j*32 +: 32];
            localparam KEPT = ENTRIES[j*32 +: 32];
            localparam SIDE = side_of(j);
            localparam FILL = (j == 0) ? Z : side_of((j == 0) ? 0 : j - 1);
            localparam NEXT_Z = (j == LAST) ? SIDE : LANES[((j == LAST) ? j : j + 1)*32 +: 32];
            localparam RIGHT_ROW = (RIGHT > NEXT_Z) ? $clog2(RIGHT / NEXT_Z) : 1;
            localparam ROW = (INPUTS > Z) ? $clog2(INPUTS / Z) : 1;
            localparam MEMORY = (Z > 1) ? $clog2(Z) : 1;
            localparam ENTRY = (KEPT > 1) ? $clog2(KEPT) : 1;
            localparam ADDRESS = (cycles_of(j) > 1) ? $clog2(cycles_of(j)) : 1;
            localparam [3:0] NUMBER = j;
            localparam LEFT_FUNCTION = (j == 0) ? 0 : FUNCTIONS[((j == 0) ? 0 : j - 1)*2 +: 2];

            wire left_write;
            wire [FILL*WORD-1:0] left_data;
            wire right_valid;
            wire [SIDE*WORD-1:0] right_data;
            wire right_delta_write;
            wire [NEXT_Z*RIGHT_ROW-1:0] right_delta_rows;
            wire [NEXT_Z*WORD-1:0] right_delta_data;
            wire left_delta_write;
            wire [Z*ROW-1:0] left_delta_rows;
            wire [Z*WORD-1:0] left_delta_data;
            wire [Z*WEIGHT-1:0] weights;
            wire [LOAD-1:0] row;     // of weights, if the host asks for this junction's
            wire [LOAD-1:0] dump;    // or that of a junction before

            if (PATTERN < Z * (ROW + MEMORY)) begin : check_pattern
                PATTERN_must_hold_the_widest_entry refused ();
            end
            if (LOAD < Z * WEIGHT) begin : check_load
                LOAD_must_hold_the_widest_row_of_weights refused ();
            end
            fabric_junction #(
                .WORD(WORD), .WEIGHT(WEIGHT), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION),
                .UPDATE_SHIFT(UPDATE_SHIFT), .INPUTS(INPUTS), .FAN_OUT(FAN_OUT), .OUTPUTS(RIGHT), .LANES(Z),
                .FILL(FILL), .RIGHT_LANES(NEXT_Z), .BANKS(2 * (LAST - j) + 3), .ENTRIES(KEPT),
                .DITHER(DITHER[j] ? 1 : 0), .BACKWARD((j == 0) ? 0 : 1), .LEFT_FUNCTION(LEFT_FUNCTION),
                .RIGHT_FUNCTION(FUNCTIONS[j*2 +: 2]), .FIRST_LANE(lanes_before(j)), .SLOWEST(SLOWEST),
                .SIGMOID_TABLE(SIGMOID_TABLE), .SLOPE_TABLE(SLOPE_TABLE)
            ) junction (
                .clk(clk), .rst(rst),
                .pattern_write(pattern_valid && pattern_ready && (pattern_data[3:0] == NUMBER)),
                .pattern_entry(pattern_data[4 +: ENTRY]), .pattern_data(pattern_data[20 +: Z*(ROW+MEMORY)]),
                .weight_write(weight_valid && weight_ready && (weight_data[3:0] == NUMBER)),
                .weight_row(weight_data[4 +: ADDRESS]), .weight_data(weight_data[20 +: Z*WEIGHT]),
                .weight_read(read && (junction_q == NUMBER)), .read_row(row_q[ADDRESS-1:0]), .weights(weights),
                .next_block(next_block), .in_block(in_block), .cycle(cycle), .forward(stages[j]),
                .backward(stages[STAGES-1-j] && train_q), .stochastic(stochastic_q), .rate(rate_q),
                .left_write(left_write), .left_data(left_data), .right_valid(right_valid), .right_data(right_data),
                .right_delta_write(right_delta_write), .right_delta_rows(right_delta_rows),
                .right_delta_data(right_delta_data), .left_delta_write(left_delta_write),
                .left_delta_rows(left_delta_rows), .left_delta_data(left_delta_data)
            );

            assign row[Z*WEIGHT-1:0] = weights & {(Z * WEIGHT){junction_q == NUMBER}};
            if (LOAD > Z * WEIGHT) begin : narrower
                assign row[LOAD-1:Z*WEIGHT] = {(LOAD - Z * WEIGHT){1'b0}};
            end
            if (j == 0) begin : inputs
                assign left_write = input_write;
                assign left_data = input_data;
                assign dump = row;
                wire unused = &{1'b0, left_delta_write, left_delta_rows, left_delta_data};
            end else begin : hidden
                assign left_write = stage[j-1].right_valid;
                assign left_data = stage[j-1].right_data;
                assign dump = row | stage[j-1].dump;
                assign stage[j-1].right_delta_write = left_delta_write;
                assign stage[j-1].right_delta_rows = left_delta_rows;
                assign stage[j-1].right_delta_data = left_delta_data;
            end
            if (j == LAST) begin : outputs
                assign result = right_valid;
                assign result_data = right_data;
                assign right_delta_write = right_valid;
                assign right_delta_rows = {NEXT_Z{result_row_q}};
                assign right_delta_data = error;
                assign dump_data = dump;
            end
        end
        for (g = 0; g < GROUP; g = g + 1) begin : calculator
            fabric_error #(.WORD(WORD), .WIDEN(WIDEN)) of_output (
                .activation(result_data[g*WORD +: WORD]), .target(target[g*WORD +: WORD]), .pass(1'b0),
                .used(1'b1), .delta(error[g*WORD +: WORD])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst || next_block)
            result_row_q <= {RESULT_ROW{1'b0}};
        else if (result)
            result_row_q <= result_row_q + 1'b1;
    end

    // ---- streams of targets and outputs ----
    fabric_fifo #(.WIDTH(GROUP * WORD), .DEPTH(QUEUE)) targets (
        .clk(clk), .rst(rst), .in_data(target_data), .in_valid(target_valid), .in_ready(target_ready),
        .out_data(target), .out_valid(target_here), .out_ready(take_target)
    );
    fabric_fifo #(.WIDTH(GROUP * WORD), .DEPTH(QUEUE)) results (
        .clk(clk), .rst(rst), .in_data(result_data), .in_valid(result), .in_ready(result_room),
        .out_data(output_data), .out_valid(output_valid), .out_ready(output_ready)
    );

    // ---- counters ----
    wire working = in_block && (cycle < SLOWEST[TIME-1:0]);
    fabric_counters counters (
        .clk(clk), .rst(rst), .clear(accept && !command_data[0]), .counting(counting),
        .forward(working && (stages[LAST:0] != {(LAST + 1){1'b0}})),
        .backward(working && train_q && (stages[STAGES-1:LAST+1] != {(LAST + 1){1'b0}})),
        .waiting(!in_block), .cycles_q(count_cycles), .forward_q(count_forward), .backward_q(count_backward),
        .waiting_q(count_waiting)
    );
    assign count_steps = steps_q;

    // The queues are counted outside; numbers of entries and rows have more bits than these sizes need.
    wire unused = &{1'b0, command_data, pattern_data[19:4], weight_data[19:4], target_here, result_room};
endmodule

`default_nettype wire

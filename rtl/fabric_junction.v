// SPDX-License-Identifier: Apache-2.0
// A junction: z lanes, the queue of its left activations, the deltas of its right neurons, the address generator, and
// the forward, backward and update units around them (pre-defined sparsity, sections 4 and 5).
// Latency 2 from the address of a cycle's edges: read, multiply, then add, round and write.
`default_nettype none

module fabric_junction #(
    parameter WORD = 9,                 // bits of operands
    parameter WEIGHT = 12,              // bits of stored weights
    parameter ACC = 24,                 // bits of sums
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter UPDATE_SHIFT = 10,        // fraction bits of an increment that are rounded away
    parameter INPUTS = 8,               // left neurons p, a multiple of LANES
    parameter FAN_OUT = 2,              // edges of a left neuron: sweeps
    parameter OUTPUTS = 4,              // right neurons n
    parameter LANES = 4,                // edges a cycle z, a divisor or a multiple of the fan-in
    parameter FILL = 4,                 // left neurons that arrive side by side, a divisor of LANES
    parameter RIGHT_LANES = 2,          // memories of the right neurons' deltas: lanes of the next junction
    parameter BANKS = 3,                // queue of left activations
    parameter ENTRIES = 2,              // of the address generator
    parameter DITHER = 1,               // 0: every lane has its own memory and there are no crossbars
    parameter BACKWARD = 1,             // 0: the first junction has no backward unit
    parameter LEFT_FUNCTION = 2,        // 0 identity, 1 ReLU, 2 sigmoid
    parameter RIGHT_FUNCTION = 2,
    parameter FIRST_LANE = 0,           // lanes of the junctions before
    parameter SLOWEST = 4,              // cycles of the slowest junction of the machine, CYCLES..
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex",
    // what follows from the others
    parameter TIME = $clog2(SLOWEST + 2) + 1,                               // bits of the cycle within a block
    parameter CYCLES = INPUTS * FAN_OUT / LANES,                            // of a pass
    parameter ADDRESS = (CYCLES > 1) ? $clog2(CYCLES) : 1,                  // bits of a row of weights
    parameter ENTRY = (ENTRIES > 1) ? $clog2(ENTRIES) : 1,                  // bits of an entry's number
    parameter ROW = (INPUTS > LANES) ? $clog2(INPUTS / LANES) : 1,          // bits of a row of activations
    parameter MEMORY = (LANES > 1) ? $clog2(LANES) : 1,                     // bits of a memory's number
    parameter RIGHT_ROW = (OUTPUTS > RIGHT_LANES) ? $clog2(OUTPUTS / RIGHT_LANES) : 1,
    parameter FAN_IN = INPUTS * FAN_OUT / OUTPUTS,                          // edges of a right neuron
    parameter GROUP = (LANES > FAN_IN) ? LANES / FAN_IN : 1                 // right neurons finished side by side
) (
    input  wire                             clk,
    input  wire                             rst,
    // host, while nothing runs and in any combination: entries of the address generator, rows of weights
    input  wire                             pattern_write,
    input  wire [ENTRY-1:0]                 pattern_entry,
    input  wire [LANES*(ROW+MEMORY)-1:0]    pattern_data,   // rows of all memories, then memories of all lanes
    input  wire                             weight_write,
    input  wire [ADDRESS-1:0]               weight_row,
    input  wire [LANES*WEIGHT-1:0]          weight_data,
    input  wire                             weight_read,
    input  wire [ADDRESS-1:0]               read_row,
    output wire [LANES*WEIGHT-1:0]          weights,        // one cycle after weight_read
    // block
    input  wire                             next_block,
    input  wire                             in_block,
    input  wire [TIME-1:0]                  cycle,          // of the block
    input  wire                             forward,        // a sample goes forward in this block
    input  wire                             backward,       // a sample goes backward and updates the weights
    input  wire                             stochastic,
    input  wire [2:0]                       rate,
    // left activations, in the order of the neurons
    input  wire                             left_write,
    input  wire [FILL*WORD-1:0]             left_data,
    // right activations, in the order of the neurons
    output wire                             right_valid,
    output wire [GROUP*WORD-1:0]            right_data,
    // right deltas in any order, left deltas in that of the address generator
    input  wire                             right_delta_write,
    input  wire [RIGHT_LANES*RIGHT_ROW-1:0] right_delta_rows,
    input  wire [RIGHT_LANES*WORD-1:0]      right_delta_data,
    output wire                             left_delta_write,
    output wire [LANES*ROW-1:0]             left_delta_rows,
    output wire [LANES*WORD-1:0]            left_delta_data
);
    localparam DEPTH = INPUTS / LANES;
    localparam STEPS = (FAN_IN > LANES) ? FAN_IN / LANES : 1;  // cycles of a right neuron
    localparam STEP = (STEPS > 1) ? $clog2(STEPS) : 1;
    localparam SLOTS = (FAN_IN > LANES) ? LANES : FAN_IN;      // lanes of a right neuron
    localparam LAST_STEP = STEPS - 1;

    // ---- first cycle: addresses ----
    reg [STEP-1:0] step_q;
    wire run = in_block && (forward || backward) && (cycle < CYCLES[TIME-1:0]);
    wire last_step = step_q == LAST_STEP[STEP-1:0];
    wire [LANES*ROW-1:0] rows;
    wire [LANES*MEMORY-1:0] memories;

    fabric_junction_address #(
        .LANES(LANES), .DEPTH(DEPTH), .SWEEPS(FAN_OUT), .ENTRIES(ENTRIES), .DITHER(DITHER)
    ) addresses (
        .clk(clk), .write(pattern_write), .write_entry(pattern_entry), .write_rows(pattern_data[LANES*ROW-1:0]),
        .write_memories(pattern_data[LANES*ROW +: LANES*MEMORY]), .begin_pass(next_block), .step(run),
        .rows(rows), .memories(memories)
    );

    // ---- second and third cycle: control ----
    reg run_q, finish_q, begin_q, first_sweep_q, last_sweep_q;
    reg run_qq, finish_qq, begin_qq, first_sweep_qq, last_sweep_qq;
    reg [ADDRESS-1:0] address_q;
    reg [ADDRESS-1:0] address_qq;
    reg [LANES*ROW-1:0] rows_q;
    reg [LANES*ROW-1:0] rows_qq;
    reg [LANES*MEMORY-1:0] memories_q;
    reg [LANES*MEMORY-1:0] memories_qq;

    always @(posedge clk) begin
        if (rst || next_block)
            step_q <= {STEP{1'b0}};
        else if (run)
            step_q <= last_step ? {STEP{1'b0}} : step_q + 1'b1;
        run_q <= !rst && run;
        run_qq <= !rst && run_q;
        begin_q <= step_q == {STEP{1'b0}};
        begin_qq <= begin_q;
        finish_q <= last_step;
        finish_qq <= finish_q;
        first_sweep_q <= cycle < DEPTH[TIME-1:0];
        first_sweep_qq <= first_sweep_q;
        last_sweep_q <= cycle + DEPTH[TIME-1:0] >= CYCLES[TIME-1:0];
        last_sweep_qq <= last_sweep_q;
        address_q <= cycle[ADDRESS-1:0];
        address_qq <= address_q;
        rows_q <= rows;
        rows_qq <= rows_q;
        memories_q <= memories;
        memories_qq <= memories_q;
    end

    // ---- operands of the second cycle ----
    wire [LANES*WORD-1:0] newest;
    wire [LANES*WORD-1:0] oldest;
    wire [LANES*WORD-1:0] forward_activations;
    wire [LANES*WORD-1:0] backward_activations;
    wire [GROUP*WORD-1:0] deltas;

    fabric_junction_bank #(
        .WORD(WORD), .LANES(LANES), .GROUP(FILL), .DEPTH(DEPTH), .BANKS(BANKS)
    ) bank (
        .clk(clk), .rst(rst), .next_block(next_block), .write(left_write), .write_data(left_data), .read(run),
        .rows(rows), .newest(newest), .oldest(oldest)
    );
    fabric_deal #(.LANES(LANES), .WIDTH(WORD), .INDEX(MEMORY), .DITHER(DITHER), .BACK(0)) deal_forward (
        .order(memories_q), .in(newest), .out(forward_activations)
    );
    fabric_deal #(.LANES(LANES), .WIDTH(WORD), .INDEX(MEMORY), .DITHER(DITHER), .BACK(0)) deal_backward (
        .order(memories_q), .in(oldest), .out(backward_activations)
    );
    fabric_junction_deltas #(
        .WORD(WORD), .LANES(RIGHT_LANES), .GROUP(GROUP), .DEPTH(OUTPUTS / RIGHT_LANES)
    ) right_deltas (
        .clk(clk), .rst(rst), .next_block(next_block), .write(right_delta_write), .write_rows(right_delta_rows),
        .write_data(right_delta_data), .read(run), .advance(run && last_step), .read_data(deltas)
    );

    // ---- lanes ----
    wire [LANES*2*WORD-1:0] forward_products;
    wire [LANES*2*WORD-1:0] backward_products;
    genvar l, g;
    generate
        if (INPUTS % LANES != 0) begin : check_lanes
            LANES_must_divide_INPUTS refused ();
        end
        if (INPUTS * FAN_OUT % OUTPUTS != 0 || FAN_IN < 1 || FAN_OUT > OUTPUTS) begin : check_edges
            OUTPUTS_must_divide_INPUTS_times_FAN_OUT refused ();
        end
        if (FAN_IN % LANES != 0 && LANES % FAN_IN != 0) begin : check_fan_in
            LANES_must_divide_the_fan_in_or_be_a_multiple_of_it refused ();
        end
        if (OUTPUTS % RIGHT_LANES != 0) begin : check_right_lanes
            RIGHT_LANES_must_divide_OUTPUTS refused ();
        end
        if (SLOWEST < CYCLES) begin : check_slowest
            SLOWEST_must_be_at_least_the_cycles_of_a_pass refused ();
        end
        if (ACC <= 2 * WORD + $clog2((FAN_IN > FAN_OUT) ? FAN_IN : FAN_OUT)) begin : check_sums
            ACC_must_be_more_than_twice_WORD_and_the_bits_of_the_longest_sum refused ();
        end
        if (LEFT_FUNCTION > 2 || RIGHT_FUNCTION > 2) begin : check_functions
            FUNCTIONS_must_be_0_identity_1_ReLU_or_2_sigmoid refused ();
        end
        for (l = 0; l < LANES; l = l + 1) begin : lane
            localparam OF = l / SLOTS;  // right neuron of the group
            localparam SEED = (FIRST_LANE + l + 1) * 40503;
            fabric_junction_lane #(
                .WORD(WORD), .WEIGHT(WEIGHT), .UPDATE_SHIFT(UPDATE_SHIFT), .CYCLES(CYCLES), .BACKWARD(BACKWARD)
            ) multipliers (
                .clk(clk), .rst(rst), .seed(SEED[15:0]), .read(run || weight_read),
                .read_row(weight_read ? read_row : cycle[ADDRESS-1:0]),
                .weight(weights[l*WEIGHT +: WEIGHT]), .forward_activation(forward_activations[l*WORD +: WORD]),
                .backward_activation(backward_activations[l*WORD +: WORD]), .delta(deltas[OF*WORD +: WORD]),
                .forward_product_q(forward_products[l*2*WORD +: 2*WORD]),
                .backward_product(backward_products[l*2*WORD +: 2*WORD]), .update(run_qq && backward),
                .stochastic(stochastic), .rate(rate), .load(weight_write),
                .write_row(weight_write ? weight_row : address_qq),
                .loaded(weight_data[l*WEIGHT +: WEIGHT])
            );
        end

        // ---- right neurons: forward ----
        for (g = 0; g < GROUP; g = g + 1) begin : neuron
            fabric_junction_neuron #(
                .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .SLOTS(SLOTS), .CYCLES(STEPS),
                .FUNCTION(RIGHT_FUNCTION), .TABLE(SIGMOID_TABLE)
            ) sum_unit (
                .clk(clk), .run(run_qq), .first(begin_qq),
                .products(forward_products[g*SLOTS*2*WORD +: SLOTS*2*WORD]), .activation(right_data[g*WORD +: WORD])
            );
        end

        // ---- left neurons: backward ----
        if (BACKWARD != 0) begin : below
            wire [LANES*2*WORD-1:0] products;
            fabric_deal #(.LANES(LANES), .WIDTH(2 * WORD), .INDEX(MEMORY), .DITHER(DITHER), .BACK(1)) deal_products (
                .order(memories_qq), .in(backward_products), .out(products)
            );
            for (l = 0; l < LANES; l = l + 1) begin : memory
                fabric_junction_sum #(
                    .WORD(WORD), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .DEPTH(DEPTH), .FUNCTION(LEFT_FUNCTION),
                    .TABLE(SLOPE_TABLE)
                ) sum_unit (
                    .clk(clk), .read(run_q), .read_row(rows_q[l*ROW +: ROW]), .own(oldest[l*WORD +: WORD]),
                    .run(run_qq), .first(first_sweep_qq), .row(rows_qq[l*ROW +: ROW]),
                    .product(products[l*2*WORD +: 2*WORD]), .delta(left_delta_data[l*WORD +: WORD])
                );
            end
        end else begin : nothing_below
            assign left_delta_data = {(LANES * WORD){1'b0}};
            wire unused = &{1'b0, memories_qq, first_sweep_qq, backward_products};
        end
    endgenerate

    assign right_valid = run_qq && finish_qq && forward;
    assign left_delta_write = run_qq && last_sweep_qq && backward;
    assign left_delta_rows = rows_qq;
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Torus of processing elements: row rings west to east, column rings north to south, chains along the rows for samples,
// targets and results (ClosNets, figures 4 to 6). Everything on it moves one hop a cycle. Latency 1 a step.
`default_nettype none

module fabric_torus #(
    parameter ROWS = 4,
    parameter COLUMNS = 4,
    parameter WORD = 9,
    parameter WEIGHT = 12,
    parameter ACC = 24,
    parameter SHIFT = 7,
    parameter FRACTION = 5,
    parameter WIDEN = 3,
    parameter UPDATE_SHIFT = 10,
    parameter BANKS = 3,
    parameter DEPTH = 32,
    parameter ADDRESS = 5,
    parameter LENGTH = 8,
    parameter STORE = 6,
    parameter MOST = (ROWS > COLUMNS) ? ROWS : COLUMNS,     // places of the longer rings
    parameter SIGMOID = 1,
    parameter PIPELINE = 0,
    parameter SATURATIONS = 0,
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex"
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   enable,
    // chains, one word a row
    input  wire                   input_shift,
    input  wire [ROWS*WEIGHT-1:0] input_data,
    input  wire                   target_shift,
    input  wire [ROWS*WORD-1:0]   target_data,
    input  wire                   output_shift,
    output wire [ROWS*WEIGHT-1:0] output_data,
    // what enters the first place of each row where more values circulate than the ring has places
    input  wire [ROWS*WORD-1:0]   operand_feed,
    input  wire [ROWS*WORD-1:0]   activation_feed,
    // control, one cycle ahead
    input  wire                   next_forward_start,
    input  wire                   next_backward_start,
    input  wire                   next_same,
    input  wire [BANKS-1:0]       next_reads_forward,   // of each weight memory: for the forward or the backward unit
    input  wire [BANKS-1:0]       next_axis,            // and along which rings
    input  wire [ADDRESS-1:0]     next_forward_base,
    input  wire [MOST*ADDRESS-1:0] next_forward_starts,     // base + p for each place p
    input  wire [LENGTH-1:0]      next_forward_length,
    input  wire [ADDRESS-1:0]     next_backward_base,
    input  wire [MOST*ADDRESS-1:0] next_backward_starts,     // base + p for each place p
    input  wire [LENGTH-1:0]      next_backward_length,
    input  wire [3:0]             next_backward_store,
    input  wire                   advance,
    input  wire                   load_operand,
    input  wire                   take_operand,
    input  wire [1:0]             take_operand_from,
    input  wire                   load_delta,
    input  wire                   take_delta,
    input  wire [1:0]             take_delta_from,
    input  wire                   load_activation,
    // when operands are multiplied
    input  wire                   forward_run,
    input  wire                   forward_axis,
    input  wire [1:0]             forward_bank,
    input  wire                   forward_feed,
    input  wire                   forward_save,
    input  wire [3:0]             forward_store,
    input  wire                   backward_run,
    input  wire                   backward_axis,
    input  wire [1:0]             backward_bank,
    input  wire                   backward_feed,
    input  wire                   backward_ends,
    input  wire                   backward_derive,
    input  wire                   stochastic,
    input  wire [2:0]             rate,
    input  wire                   output_weight,
    // when products are added, and the cycle before
    input  wire                   forward_begins,
    input  wire [1:0]             forward_begins_scale,
    input  wire                   forward_add,
    input  wire                   forward_complete,
    input  wire [1:0]             forward_scale,
    input  wire                   backward_begins,
    input  wire [1:0]             backward_begins_scale,
    input  wire                   backward_add,
    input  wire                   backward_add_axis,
    input  wire                   backward_complete,
    input  wire                   backward_derive_add,
    input  wire [1:0]             backward_scale,
    // when sums are results
    input  wire                   forward_done,
    input  wire                   forward_last,
    input  wire [1:0]             forward_to,
    input  wire [1:0]             forward_kind,
    input  wire [LENGTH-1:0]      present_row,
    input  wire [LENGTH-1:0]      present_column,
    input  wire                   backward_done,
    input  wire                   backward_keep,
    input  wire                   backward_write,
    input  wire [1:0]             backward_to,
    input  wire                   backward_rectified,
    // when weights are written
    input  wire [BANKS-1:0]       write,
    input  wire                   write_axis,
    input  wire                   write_input,
    // what the output chain and the error calculator take
    input  wire                   final_activation,
    input  wire                   final_delta,
    input  wire                   output_final,
    input  wire                   error_take,
    input  wire                   error_pass,
    // how many elements clip a weight, a delta, an error, an activation in this cycle
    output wire [67:0]            clips
);
    localparam WRITE_LATER = (PIPELINE == 0) ? 0 : 2;

    // Addresses depend on the place on the ring only: one generator for all row rings, one for all column rings.
    wire [COLUMNS*ADDRESS-1:0] forward_columns;
    wire [ROWS*ADDRESS-1:0] forward_rows;
    wire [COLUMNS*ADDRESS-1:0] backward_columns;
    wire [ROWS*ADDRESS-1:0] backward_rows;
    wire [COLUMNS*ADDRESS-1:0] forward_columns_q;
    wire [ROWS*ADDRESS-1:0] forward_rows_q;
    wire [COLUMNS*ADDRESS-1:0] backward_columns_q;
    wire [ROWS*ADDRESS-1:0] backward_rows_q;
    wire [COLUMNS*ADDRESS-1:0] write_columns;
    wire [ROWS*ADDRESS-1:0] write_rows;
    wire [(COLUMNS+ROWS)*ADDRESS-1:0] write_places;
    wire [ADDRESS+LENGTH-1:0] forward_wide = {{ADDRESS{1'b0}}, next_forward_length};
    wire [ADDRESS+LENGTH-1:0] backward_wide = {{ADDRESS{1'b0}}, next_backward_length};
    wire [ADDRESS-1:0] forward_end = next_forward_base + forward_wide[ADDRESS-1:0];
    wire [ADDRESS-1:0] backward_end = next_backward_base + backward_wide[ADDRESS-1:0];

    fabric_ring_address #(.SIZE(COLUMNS), .ADDRESS(ADDRESS)) forward_along_row (
        .clk(clk), .enable(advance), .start(next_forward_start), .same(next_same), .base(next_forward_base),
        .starts(next_forward_starts[COLUMNS*ADDRESS-1:0]),
        .last(forward_end), .address(forward_columns), .address_q(forward_columns_q)
    );
    fabric_ring_address #(.SIZE(ROWS), .ADDRESS(ADDRESS)) forward_along_column (
        .clk(clk), .enable(advance), .start(next_forward_start), .same(next_same), .base(next_forward_base),
        .starts(next_forward_starts[ROWS*ADDRESS-1:0]),
        .last(forward_end), .address(forward_rows), .address_q(forward_rows_q)
    );
    fabric_ring_address #(.SIZE(COLUMNS), .ADDRESS(ADDRESS)) backward_along_row (
        .clk(clk), .enable(advance), .start(next_backward_start), .same(next_same), .base(next_backward_base),
        .starts(next_backward_starts[COLUMNS*ADDRESS-1:0]),
        .last(backward_end), .address(backward_columns), .address_q(backward_columns_q)
    );
    fabric_ring_address #(.SIZE(ROWS), .ADDRESS(ADDRESS)) backward_along_column (
        .clk(clk), .enable(advance), .start(next_backward_start), .same(next_same), .base(next_backward_base),
        .starts(next_backward_starts[ROWS*ADDRESS-1:0]),
        .last(backward_end), .address(backward_rows), .address_q(backward_rows_q)
    );
    fabric_delay #(.WIDTH((COLUMNS + ROWS) * ADDRESS), .STAGES(WRITE_LATER)) write_addresses (
        .clk(clk), .rst(1'b0), .enable(1'b1), .in({backward_rows_q, backward_columns_q}), .out(write_places)
    );
    assign {write_rows, write_columns} = write_places;

    genvar b;
    genvar r;
    genvar c;
    generate
        // A phase that goes forward and backward at once reads one address for both. What a place of a ring does not use
        // is zero: an element takes the address of its row or that of its column, whichever is there.
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire [COLUMNS*ADDRESS-1:0] columns = next_axis[b] ? {(COLUMNS * ADDRESS){1'b0}}
                : next_reads_forward[b] ? forward_columns : backward_columns;
            wire [ROWS*ADDRESS-1:0] rows = !next_axis[b] ? {(ROWS * ADDRESS){1'b0}}
                : next_reads_forward[b] ? forward_rows : backward_rows;
        end
        for (c = 0; c < COLUMNS; c = c + 1) begin : column
            localparam [LENGTH-1:0] COLUMN = c;
            wire present = (c == 0) || (present_column > COLUMN - 1'b1);
            wire [BANKS*ADDRESS-1:0] next_address;
            wire [ADDRESS-1:0] write_address = write_columns[c*ADDRESS +: ADDRESS];
            for (b = 0; b < BANKS; b = b + 1) begin : of
                assign next_address[b*ADDRESS +: ADDRESS] = bank[b].columns[c*ADDRESS +: ADDRESS];
            end
        end
        for (r = 0; r < ROWS; r = r + 1) begin : row
            localparam [LENGTH-1:0] ROW = r;
            wire present = (r == 0) || (present_row > ROW - 1'b1);
            wire [BANKS*ADDRESS-1:0] next_address;
            wire [ADDRESS-1:0] write_address = write_rows[r*ADDRESS +: ADDRESS];
            for (b = 0; b < BANKS; b = b + 1) begin : of
                assign next_address[b*ADDRESS +: ADDRESS] = bank[b].rows[r*ADDRESS +: ADDRESS];
            end
            for (c = 0; c < COLUMNS; c = c + 1) begin : pe
                localparam [31:0] SEED = (r * COLUMNS + c + 1) * 40503;
                localparam WEST = (c == 0) ? COLUMNS - 1 : c - 1;
                localparam NORTH = (r == 0) ? ROWS - 1 : r - 1;
                wire [WEIGHT-1:0] input_in;
                wire [WEIGHT-1:0] input_q;
                wire [WORD-1:0] target_in;
                wire [WORD-1:0] target_q;
                wire [WEIGHT-1:0] output_in;
                wire [WEIGHT-1:0] output_q;
                wire [WORD-1:0] operand_west;
                wire [WORD-1:0] operand;
                wire [ACC-1:0] sum;
                wire [WORD-1:0] activation_west;
                wire [WORD-1:0] activation;
                wire [3:0] told;
                wire [67:0] counted;        // of this element and of those before it, 17 bits each

                if (c == 0) begin : first_place
                    assign input_in = input_data[r*WEIGHT +: WEIGHT];
                    assign target_in = target_data[r*WORD +: WORD];
                    assign output_in = {WEIGHT{1'b0}};
                    assign operand_west = forward_feed ? operand_feed[r*WORD +: WORD] : row[r].pe[WEST].operand;
                    assign activation_west = backward_feed ? activation_feed[r*WORD +: WORD]
                        : row[r].pe[WEST].activation;
                end else begin : further_place
                    assign input_in = row[r].pe[WEST].input_q;
                    assign target_in = row[r].pe[WEST].target_q;
                    assign output_in = row[r].pe[WEST].output_q;
                    assign operand_west = row[r].pe[WEST].operand;
                    assign activation_west = row[r].pe[WEST].activation;
                end

                if (c == COLUMNS - 1) begin : last_place
                    wire unused = &{1'b0, input_q, target_q};
                end

                fabric_pe #(
                    .WORD(WORD), .WEIGHT(WEIGHT), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION), .WIDEN(WIDEN),
                    .UPDATE_SHIFT(UPDATE_SHIFT), .BANKS(BANKS), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .STORE(STORE),
                    .SIGMOID(SIGMOID), .PIPELINE(PIPELINE), .SATURATIONS(SATURATIONS), .SIGMOID_TABLE(SIGMOID_TABLE),
                    .SLOPE_TABLE(SLOPE_TABLE)
                ) element (
                    .clk(clk),
                    .rst(rst),
                    .enable(enable),
                    .seed(SEED[15:0]),
                    .input_shift(input_shift),
                    .input_in(input_in),
                    .input_q(input_q),
                    .target_shift(target_shift),
                    .target_in(target_in),
                    .target_q(target_q),
                    .output_shift(output_shift),
                    .output_in(output_in),
                    .output_q(output_q),
                    .operand_in(forward_axis ? row[NORTH].pe[c].operand : operand_west),
                    .operand(operand),
                    .sum_in(backward_add_axis ? row[NORTH].pe[c].sum : row[r].pe[WEST].sum),
                    .sum(sum),
                    .activation_in(backward_axis ? row[NORTH].pe[c].activation : activation_west),
                    .activation(activation),
                    .next_address(row[r].next_address | column[c].next_address),
                    .write_address(write_axis ? row[r].write_address : column[c].write_address),
                    .write(write),
                    .write_input(write_input),
                    .next_backward_store(next_backward_store),
                    .load_operand(load_operand),
                    .take_operand(take_operand),
                    .take_operand_from(take_operand_from),
                    .load_delta(load_delta),
                    .take_delta(take_delta),
                    .take_delta_from(take_delta_from),
                    .load_activation(load_activation),
                    .forward_run(forward_run),
                    .forward_bank(forward_bank),
                    .forward_save(forward_save),
                    .forward_store(forward_store),
                    .backward_run(backward_run),
                    .backward_bank(backward_bank),
                    .backward_ends(backward_ends),
                    .backward_derive(backward_derive),
                    .stochastic(stochastic),
                    .rate(rate),
                    .output_weight(output_weight),
                    .forward_begins(forward_begins),
                    .forward_begins_scale(forward_begins_scale),
                    .forward_add(forward_add),
                    .forward_complete(forward_complete),
                    .forward_scale(forward_scale),
                    .backward_begins(backward_begins),
                    .backward_begins_scale(backward_begins_scale),
                    .backward_add(backward_add),
                    .backward_complete(backward_complete),
                    .backward_derive_add(backward_derive_add),
                    .backward_scale(backward_scale),
                    .forward_done(forward_done),
                    .forward_last(forward_last),
                    .forward_to(forward_to),
                    .forward_kind(forward_kind),
                    .present(row[r].present && column[c].present),
                    .backward_done(backward_done),
                    .backward_keep(backward_keep),
                    .backward_write(backward_write),
                    .backward_to(backward_to),
                    .backward_rectified(backward_rectified),
                    .final_activation(final_activation),
                    .final_delta(final_delta),
                    .output_final(output_final),
                    .error_take(error_take),
                    .error_pass(error_pass),
                    .clips(told)
                );
                if (SATURATIONS == 0) begin : uncounted
                    wire unused = &{1'b0, told, counted};
                    assign counted = 68'd0;
                end else if ((r == 0) && (c == 0)) begin : counted_first
                    assign counted = {16'd0, told[3], 16'd0, told[2], 16'd0, told[1], 16'd0, told[0]};
                end else begin : counted_further
                    wire [67:0] others = row[(c == 0) ? ((r == 0) ? 0 : r - 1) : r].pe[WEST].counted;
                    assign counted = others + {16'd0, told[3], 16'd0, told[2], 16'd0, told[1], 16'd0, told[0]};
                end
            end
            assign output_data[r*WEIGHT +: WEIGHT] = row[r].pe[COLUMNS-1].output_q;
        end
    endgenerate
    assign clips = row[ROWS-1].pe[COLUMNS-1].counted;

    wire unused = &{1'b0, forward_columns_q, forward_rows_q, forward_wide, backward_wide};
endmodule

`default_nettype wire

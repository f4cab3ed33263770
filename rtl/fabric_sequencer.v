// SPDX-License-Identifier: Apache-2.0
// Takes commands, walks the instruction table and says what every unit does in the next cycle. Latency 1: the machine
// registers these signals, so that memories are read one cycle before their words are used.
`default_nettype none

module fabric_sequencer #(
    parameter ADDRESS = 5,      // bits of a weight address
    parameter LENGTH = 8,       // bits of a phase's length
    parameter SLOTS = 16,       // instructions, a power of two
    parameter SLOT = 4,         // clog2(SLOTS)
    parameter WIDTH = 101,      // bits of an instruction: 2 * ADDRESS + 5 * LENGTH + 51
    parameter PIPELINE = 0,     // cycles by which a sum is later a result than its last product is due
    parameter FIXED = 0,        // 1: the instructions are those of the file, not those of the stream
    parameter PROGRAM_TABLE = "program.hex"
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               enable,           // the machine is not frozen
    input  wire               idle,             // nothing is under way behind the sequencer
    // host
    input  wire               program_valid,
    output wire               program_ready,
    input  wire [SLOT-1:0]    program_address,
    input  wire [WIDTH-1:0]   program_data,
    input  wire               command_valid,
    output wire               command_ready,
    input  wire [79:0]        command_data,
    output wire               running,
    output wire [SLOT-1:0]    slot,
    output wire               started,          // a command begins in this cycle
    output wire [LENGTH-1:0]  started_last,     // values of a sample on a row, less one
    // what the next cycle may wait for
    input  wire               input_full,
    input  wire               error_full,
    input  wire               result_full,      // no room for another result that leaves the torus
    // modes of the present command
    output reg                emit_q,
    output reg                train_q,
    output reg                pass_q,
    output reg                stochastic_q,
    output reg  [2:0]         rate_q,
    // the next cycle
    output wire               go,               // it takes place
    output wire               forward_start,    // first cycle of a slot
    output wire               backward_start,
    output wire               same,
    output wire               weight_load,
    output wire               weight_dump,
    output wire               forward_run,
    output wire               forward_last,
    output wire               forward_axis,
    output wire [1:0]         forward_bank,
    output wire               forward_first,
    output wire               forward_feed,
    output wire [1:0]         forward_kind,
    output wire [1:0]         forward_scale,
    output wire               forward_save,
    output wire [3:0]         forward_store,
    output wire [1:0]         forward_from,     // the result that its operands are
    output wire [1:0]         forward_to,       // where its own result is kept
    output wire               forward_final,
    output wire [ADDRESS-1:0] forward_base,
    output wire [LENGTH-1:0]  forward_length,   // less one
    output wire [LENGTH-1:0]  present_row,      // last row and column that compute neurons
    output wire [LENGTH-1:0]  present_column,
    output wire [2:0]         forward_sample,
    output wire               backward_run,
    output wire               backward_last,
    output wire               backward_derive,
    output wire               backward_axis,
    output wire [1:0]         backward_bank,
    output wire               backward_first,
    output wire               backward_feed,
    output wire               backward_rectified,
    output wire [1:0]         backward_scale,
    output wire [3:0]         backward_store,
    output wire [1:0]         backward_from,
    output wire [1:0]         backward_to,
    output wire               backward_derives, // the layer below is a sigmoid
    output wire               backward_frozen,  // weights stay as they are
    output wire               backward_emit,
    output wire [ADDRESS-1:0] backward_base,
    output wire [LENGTH-1:0]  backward_length,
    output wire [2:0]         backward_sample
);
    // A build that cannot work names a module that does not exist.
    generate
        if ((SLOT < 1) || (SLOTS != (1 << SLOT))) begin : wrong_slots
            SLOTS_must_be_a_power_of_two refused ();
        end
        if (WIDTH != 2 * ADDRESS + 5 * LENGTH + 51) begin : wrong_width
            WIDTH_must_be_that_of_an_instruction refused ();
        end
    endgenerate

    localparam [1:0] RUN = 2'd0;    // kinds of commands; a command that is over leaves busy_q at zero
    localparam [1:0] LOAD = 2'd1;
    localparam [1:0] DUMP = 2'd2;
    localparam DERIVE = 1 + PIPELINE;   // cycles from the last product of a delta to its derivative

    reg [WIDTH-1:0] instructions [0:SLOTS-1];
    reg [WIDTH-1:0] instruction_q;      // that of slot_q, but for the cycle in which that is fresh
    reg fresh_q;
    reg busy_q;
    reg [1:0] kind_q;
    reg [1:0] bank_q;
    reg [2:0] drain_q;
    reg [SLOT-1:0] first_q;
    reg [SLOT-1:0] slot_q;
    reg [LENGTH-1:0] cycle_q;
    reg [ADDRESS-1:0] address_q;
    reg [31:0] left_q;          // samples or addresses that are not through; 0 while the last samples go backward
    reg some_left_q, one_left_q;
    reg [2:0] sample_q;         // number of the round modulo 8
    reg [2:0] begun_q;          // rounds before this one, at most 7
    reg [2:0] beyond_q;         // rounds since that of the last sample

    // The instruction, from its least significant bit.
    wire [LENGTH-1:0] slot_last;
    wire f_run, f_axis, f_first, f_feed, f_save, f_final, end_of_program;
    wire b_run, b_axis, b_first, b_feed, b_emit, b_frozen;
    wire [1:0] f_bank, f_kind, f_scale, f_versions, b_bank, b_kind, b_scale, b_versions;
    wire [2:0] f_lag, b_lag;
    wire [3:0] f_store, b_store;
    wire [ADDRESS-1:0] f_base, b_base;
    assign {
        end_of_program, backward_to, backward_from, b_frozen, b_emit, b_lag, b_versions, b_store, b_scale, b_kind,
        b_feed, b_first, b_bank, b_axis, b_run, forward_to, forward_from, f_lag, f_final, f_versions, f_store, f_save,
        f_scale, f_kind, f_feed, f_first, f_bank, f_axis, f_run,
        present_column, present_row, backward_length, b_base, forward_length, f_base, slot_last
    } = instruction_q;

    wire accept = command_valid && command_ready;
    wire [1:0] command_kind = command_data[1:0];
    wire run = busy_q && (kind_q == RUN);
    wire load = busy_q && (kind_q == LOAD);
    wire dump = busy_q && (kind_q == DUMP);

    assign program_ready = !busy_q;
    assign command_ready = !busy_q && idle && !program_valid;   // so that the first instruction is never just changing
    assign running = busy_q;
    assign slot = slot_q;
    assign started = accept;
    assign started_last = command_data[16 +: LENGTH];

    // A sample's steps take place in its own round of the program or `lag` rounds later.
    wire f_active = run && f_run && (begun_q >= f_lag) && (some_left_q || (beyond_q < f_lag));
    wire b_active = run && b_run && (begun_q >= b_lag) && (some_left_q || (beyond_q < b_lag));
    wire last_cycle = cycle_q == slot_last;
    wire last_round = (drain_q == 3'd0) ? one_left_q : (!some_left_q && (beyond_q == drain_q - 3'd1));
    wire slot_over = go && run && last_cycle;
    wire round_over = go && (!run || (last_cycle && end_of_program));
    wire [SLOT-1:0] slot_after = end_of_program ? first_q : slot_q + 1'b1;

    wire start = cycle_q == {LENGTH{1'b0}};
    wire leaves = (forward_last && f_final) || (b_emit && (backward_derive || (backward_last && !b_kind[1])));
    assign forward_start = f_active && start;
    assign backward_start = b_active && start;
    assign forward_first = f_active && start && f_first;
    assign backward_first = b_active && start && b_first;
    assign go = enable && busy_q && !fresh_q && !(forward_first && !input_full) && !(backward_first && !error_full)
        && !(load && !input_full) && !((leaves || dump) && result_full);
    assign same = load || dump;
    assign weight_load = load;
    assign weight_dump = dump;

    assign forward_run = dump || (f_active && (cycle_q <= forward_length));
    assign forward_last = f_active && (cycle_q == forward_length);
    assign forward_axis = f_axis && run;
    assign forward_bank = run ? f_bank : bank_q;
    assign forward_feed = f_feed;
    assign forward_kind = f_kind;
    assign forward_scale = f_scale;
    assign forward_sample = sample_q - f_lag;
    assign forward_save = f_active && start && f_save;
    assign forward_store = f_store + {2'd0, forward_sample[1:0] & f_versions};
    assign forward_final = f_final;
    assign forward_base = run ? f_base : address_q;

    assign backward_run = b_active && (cycle_q <= backward_length);
    assign backward_last = b_active && (cycle_q == backward_length);
    assign backward_derive = b_active && b_kind[1] && (cycle_q == backward_length + DERIVE[LENGTH-1:0]);
    assign backward_axis = b_axis && run;
    assign backward_bank = run ? b_bank : bank_q;
    assign backward_feed = b_feed;
    assign backward_rectified = b_kind[0];
    assign backward_derives = b_kind[1];
    assign backward_frozen = b_frozen && run;
    assign backward_scale = b_scale;
    assign backward_sample = sample_q - b_lag;
    assign backward_store = b_store + {2'd0, backward_sample[1:0] & b_versions};
    assign backward_emit = b_emit;
    assign backward_base = run ? b_base : address_q;

    generate
        if (FIXED != 0) begin : fixed
            initial $readmemh(PROGRAM_TABLE, instructions);
            wire unused = &{1'b0, program_address, program_data};
        end else begin : writable
            always @(posedge clk) begin
                if (program_valid && program_ready)
                    instructions[program_address] <= program_data;
            end
        end
    endgenerate

    always @(posedge clk) begin
        // What comes next is looked up before it is known whether this is the last cycle of its predecessor.
        if (fresh_q || slot_over)
            instruction_q <= instructions[fresh_q ? slot_q : slot_after];
        if (accept)
            slot_q <= command_data[32 +: SLOT];
        else if (slot_over)
            slot_q <= slot_after;
        fresh_q <= accept;
        if (accept) begin
            some_left_q <= command_data[79:48] != 32'd0;
            one_left_q <= command_data[79:48] == 32'd1;
            kind_q <= command_kind;
            bank_q <= command_data[3:2];
            stochastic_q <= command_data[4];
            rate_q <= command_data[7:5];
            drain_q <= command_data[10:8];
            emit_q <= command_data[11];
            train_q <= command_data[12];
            pass_q <= command_data[13];
            first_q <= command_data[32 +: SLOT];
            address_q <= command_data[32 +: ADDRESS];
            left_q <= command_data[79:48];
            sample_q <= 3'd0;
            begun_q <= 3'd0;
            beyond_q <= 3'd0;
            cycle_q <= {LENGTH{1'b0}};
        end else if (go) begin
            cycle_q <= (last_cycle || !run) ? {LENGTH{1'b0}} : cycle_q + 1'b1;
            address_q <= address_q + 1'b1;
            if (round_over) begin
                sample_q <= sample_q + 3'd1;
                if (begun_q != 3'd7)
                    begun_q <= begun_q + 3'd1;
                if (some_left_q) begin
                    left_q <= left_q - 32'd1;
                    some_left_q <= !one_left_q;
                    one_left_q <= left_q == 32'd2;
                end else
                    beyond_q <= beyond_q + 3'd1;
            end
        end
        if (rst)
            busy_q <= 1'b0;
        else if (accept)
            busy_q <= command_data[79:48] != 32'd0;
        else if (round_over && (run ? last_round : one_left_q))
            busy_q <= 1'b0;
    end

    wire unused = &{1'b0, command_data};
endmodule

`default_nettype wire

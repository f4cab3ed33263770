// SPDX-License-Identifier: Apache-2.0
// Proof harness: with any instructions, written at any time, fabric_sequencer takes a command only when it is idle and an
// instruction only when no command runs, walks the table as its instructions say, lets each slot last its cycles before the
// next one starts, and ends a command after its samples and its drain, or after its addresses.
`default_nettype none

module sequencer (
    input wire              clk,
    input wire              rst,
    input wire              enable,         // free, as all that the machine says of itself
    input wire              idle,
    input wire              input_full,
    input wire              error_full,
    input wire              program_valid,
    input wire              program_address,
    input wire              command_valid,
    input wire [79:0]       command_data
);
    localparam ADDRESS = 1;
    localparam LENGTH = 2;
    localparam WIDTH = 2 * ADDRESS + 5 * LENGTH + 51;
    localparam RUN = 2'd0;

    wire program_ready, command_ready, running, started, go, forward_start, backward_start, load, dump;
    wire forward_first, backward_first;
    wire slot;
    wire [LENGTH-1:0] started_last;
    wire [ADDRESS-1:0] forward_base;

    fabric_sequencer #(.ADDRESS(ADDRESS), .LENGTH(LENGTH), .SLOTS(2), .SLOT(1), .WIDTH(WIDTH)) dut (
        .clk(clk), .rst(rst), .enable(enable), .idle(idle),
        .program_valid(program_valid), .program_ready(program_ready), .program_address(program_address),
        .program_data(program_address ? second_instruction : first_instruction), .command_valid(command_valid),
        .command_ready(command_ready), .command_data(command_data), .running(running), .slot(slot), .started(started),
        .started_last(started_last),
        .input_full(input_full), .error_full(error_full), .result_full(1'b0), .go(go), .forward_start(forward_start),
        .backward_start(backward_start), .weight_load(load),
        .weight_dump(dump), .forward_first(forward_first), .backward_first(backward_first), .forward_base(forward_base)
    );

    // Any table, and which of its instructions have been written.
    (* anyconst *) reg [WIDTH-1:0] first_instruction;
    (* anyconst *) reg [WIDTH-1:0] second_instruction;
    reg [1:0] known_q = 2'd0;
    // Where the command is.
    reg begun = 1'b0;
    reg busy_q, run_q;
    reg [3:0] rounds_q;             // or addresses, that are not complete
    reg first_q, slot_q;
    reg [LENGTH-1:0] cycle_q;
    reg [ADDRESS-1:0] address_q;
    wire take = command_valid && command_ready;
    wire [WIDTH-1:0] instruction = slot_q ? second_instruction : first_instruction;
    wire last_cycle = cycle_q == instruction[0 +: LENGTH];
    wire ends = run_q ? last_cycle && instruction[WIDTH-1] : 1'b1;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        assume (command_data[79:50] == 30'd0 && command_data[1:0] != 2'd3);
        assume (!(take && command_data[1:0] == RUN) || &known_q);
        assume (command_data[1:0] == RUN || command_data[10:8] == 3'd0);
        if (program_valid && program_ready)
            known_q[program_address] <= 1'b1;
        if (rst) begin
            busy_q <= 1'b0;
        end else if (take) begin
            busy_q <= command_data[79:48] != 32'd0;
            run_q <= command_data[1:0] == RUN;
            rounds_q <= {2'd0, command_data[49:48]} + {1'b0, command_data[10:8]};
            first_q <= command_data[32];
            slot_q <= command_data[32];
            address_q <= command_data[32 +: ADDRESS];
            cycle_q <= {LENGTH{1'b0}};
        end else if (go) begin
            cycle_q <= (!run_q || last_cycle) ? {LENGTH{1'b0}} : cycle_q + 1'b1;
            if (run_q && last_cycle)
                slot_q <= instruction[WIDTH-1] ? first_q : slot_q + 1'b1;
            address_q <= address_q + 1'b1;
            if (ends) begin
                rounds_q <= rounds_q - 4'd1;
                busy_q <= rounds_q != 4'd1;
            end
        end
        if (begun && !rst) begin
            assert (running == busy_q);
            assert (started == take);
            if (command_ready)
                assert (!busy_q && idle && !program_valid);
            if (program_ready)
                assert (!busy_q);
            if (busy_q && run_q) begin
                assert (slot == slot_q);
                assert (!(forward_start || backward_start) || (cycle_q == {LENGTH{1'b0}}));
                assert (!load && !dump);
            end
            if (go) begin
                assert (busy_q && enable);
                if (run_q)
                    assert (!(forward_first && !input_full) && !(backward_first && !error_full));
                else
                    assert (forward_base == address_q && load != dump && (!load || input_full));
            end
        end
        cover (busy_q && run_q && go && ends && rounds_q == 4'd1 && slot_q != first_q);
    end
endmodule

`default_nettype wire

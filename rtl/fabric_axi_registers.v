// SPDX-License-Identifier: Apache-2.0
// Registers of a machine on a bus: what it is, what it does, and a letter box each for its commands and instructions.
// AXI.md describes them. Latency 1 from a write to the machine.
`default_nettype none

module fabric_axi_registers #(
    parameter NUMBER = 6,       // bits of a register's number
    parameter PROGRAM = 84,     // bits of a beat on `program`, 33..256
    parameter ROWS = 4,         // the rest can be read and has no other use: parameters of fabric_machine
    parameter COLUMNS = 4,
    parameter WORD = 9,
    parameter WEIGHT = 12,
    parameter SHIFT = 7,
    parameter FRACTION = 5,
    parameter WIDEN = 3,
    parameter UPDATE_SHIFT = 10,
    parameter BANKS = 3,
    parameter DEPTH = 32,
    parameter ADDRESS = 5,
    parameter LENGTH = 8,
    parameter STORE = 6,
    parameter FEED = 0,
    parameter SLOT = 4,
    parameter SIGMOID = 1,
    parameter PIPELINE = 0,
    parameter SATURATIONS = 0
) (
    input  wire               clk,
    input  wire               rst,
    // bus
    input  wire               write,
    input  wire [NUMBER-1:0]  write_number,
    input  wire [31:0]        write_data,
    output wire               write_refused,
    input  wire [NUMBER-1:0]  read_number,
    output wire [31:0]        read_data,
    output wire               read_refused,
    // machine
    output wire               reset,            // from the host: the machine and its streams begin anew
    output wire [31:0]        packet,           // groups of a packet on `output`
    output wire [PROGRAM-1:0] program_data,
    output wire               program_valid,
    input  wire               program_ready,
    output wire [79:0]        command_data,
    output wire               command_valid,
    input  wire               command_ready,
    input  wire               busy,
    input  wire               input_fault,
    input  wire               target_fault,
    input  wire [31:0]        count_cycles,
    input  wire [31:0]        count_forward,
    input  wire [31:0]        count_backward,
    input  wire [31:0]        count_waiting,
    input  wire [31:0]        count_updates,
    input  wire [31:0]        count_clipped_activations,
    input  wire [31:0]        count_clipped_errors,
    input  wire [31:0]        count_clipped_deltas,
    input  wire [31:0]        count_clipped_weights,
    input  wire [31:0]        count_steps,
    input  wire [SLOT-1:0]    count_slot
);
    localparam [31:0] IDENTITY = 32'h46414252;      // "FABR"
    localparam [31:0] VERSION = 32'd1;              // of these registers
    localparam WORDS = (PROGRAM + 31) / 32;
    localparam LAST_WORD = WORDS - 1;
    localparam [1:0] NO_KIND = 2'd3;                // of a command

    // Numbers of the registers; the address is four times the number.
    localparam [NUMBER-1:0] AT_IDENTITY = 0;
    localparam [NUMBER-1:0] AT_VERSION = 1;
    localparam [NUMBER-1:0] AT_CONTROL = 2;
    localparam [NUMBER-1:0] AT_STATUS = 3;
    localparam [NUMBER-1:0] AT_PACKET = 4;
    localparam [NUMBER-1:0] AT_CYCLES = 8;
    localparam [NUMBER-1:0] AT_FORWARD = 9;
    localparam [NUMBER-1:0] AT_BACKWARD = 10;
    localparam [NUMBER-1:0] AT_WAITING = 11;
    localparam [NUMBER-1:0] AT_STEPS = 12;
    localparam [NUMBER-1:0] AT_SLOT = 13;
    localparam [NUMBER-1:0] AT_UPDATES = 14;
    localparam [NUMBER-1:0] AT_PARAMETERS = 16;     // sixteen
    localparam [NUMBER-1:0] AT_COMMAND = 32;        // three words
    localparam [NUMBER-1:0] AT_PROGRAM = 40;        // eight words, of which the first WORDS are there
    localparam [NUMBER-1:0] AT_CLIPPED = 48;        // four
    localparam [NUMBER-1:0] AT_MORE_PARAMETERS = 52;

    reg reset_q, command_valid_q, program_valid_q, input_fault_q, target_fault_q;
    reg [31:0] packet_q;
    reg [79:0] command_q;
    reg [PROGRAM-1:0] program_q;

    // ---- writes ----
    wire control_here = write_number == AT_CONTROL;
    wire status_here = write_number == AT_STATUS;
    wire packet_here = write_number == AT_PACKET;
    wire [NUMBER-1:0] command_word = write_number - AT_COMMAND;
    wire [NUMBER-1:0] program_word = write_number - AT_PROGRAM;
    wire command_here = command_word < 3;
    wire [31:0] program_index = {{(32 - NUMBER){1'b0}}, program_word};
    wire program_here = program_index < WORDS;
    wire command_free = !reset_q && !command_valid_q;
    wire program_free = command_free && !program_valid_q && !busy;
    wire command_sent = command_word == 2;
    wire command_known = !command_sent || (command_q[1:0] != NO_KIND);
    wire refused = command_here ? !command_free || !command_known
        : program_here ? !program_free : packet_here ? command_valid_q : !(control_here || status_here);
    wire written = write && !refused;
    wire clear = written && status_here;

    assign write_refused = refused;
    assign reset = reset_q;
    assign packet = packet_q;
    assign command_data = command_q;
    assign command_valid = command_valid_q;
    assign program_data = program_q;
    assign program_valid = program_valid_q;

    always @(posedge clk) begin
        if (written && command_here) begin
            case (command_word[1:0])
                2'd0: command_q[31:0] <= write_data;
                2'd1: command_q[63:32] <= write_data;
                default: command_q[79:64] <= write_data[15:0];
            endcase
        end
        if (rst) begin
            reset_q <= 1'b0;
            packet_q <= 32'd1;
            input_fault_q <= 1'b0;
            target_fault_q <= 1'b0;
        end else begin
            if (written && control_here)
                reset_q <= write_data[0];
            if (written && packet_here)
                packet_q <= write_data;
            input_fault_q <= input_fault || (input_fault_q && !(clear && write_data[2]));
            target_fault_q <= target_fault || (target_fault_q && !(clear && write_data[3]));
        end
        if (rst || reset_q) begin
            command_valid_q <= 1'b0;
            program_valid_q <= 1'b0;
        end else begin
            command_valid_q <= (written && command_here && command_sent) || (command_valid_q && !command_ready);
            program_valid_q <= (written && program_here && (program_index == LAST_WORD))
                || (program_valid_q && !program_ready);
        end
    end

    integer i;
    always @(posedge clk) begin
        for (i = 0; i < PROGRAM; i = i + 1)
            if (written && program_here && (program_index == i / 32))
                program_q[i] <= write_data[i[4:0]];
    end

    // ---- reads ----
    reg [31:0] value;
    reg known;

    assign read_data = value;
    assign read_refused = !known;

    always @* begin
        known = 1'b1;
        value = 32'd0;
        case (read_number)
            AT_IDENTITY: value = IDENTITY;
            AT_VERSION: value = VERSION;
            AT_CONTROL: value = {31'd0, reset_q};
            AT_STATUS: value = {28'd0, target_fault_q, input_fault_q, command_valid_q, busy || command_valid_q};
            AT_PACKET: value = packet_q;
            AT_CYCLES: value = count_cycles;
            AT_FORWARD: value = count_forward;
            AT_BACKWARD: value = count_backward;
            AT_WAITING: value = count_waiting;
            AT_STEPS: value = count_steps;
            AT_SLOT: value = {{(32 - SLOT){1'b0}}, count_slot};
            AT_UPDATES: value = count_updates;
            AT_CLIPPED + 0: value = count_clipped_activations;
            AT_CLIPPED + 1: value = count_clipped_errors;
            AT_CLIPPED + 2: value = count_clipped_deltas;
            AT_CLIPPED + 3: value = count_clipped_weights;
            AT_PARAMETERS + 0: value = ROWS;
            AT_PARAMETERS + 1: value = COLUMNS;
            AT_PARAMETERS + 2: value = WORD;
            AT_PARAMETERS + 3: value = WEIGHT;
            AT_PARAMETERS + 4: value = SHIFT;
            AT_PARAMETERS + 5: value = FRACTION;
            AT_PARAMETERS + 6: value = WIDEN;
            AT_PARAMETERS + 7: value = UPDATE_SHIFT;
            AT_PARAMETERS + 8: value = BANKS;
            AT_PARAMETERS + 9: value = DEPTH;
            AT_PARAMETERS + 10: value = ADDRESS;
            AT_PARAMETERS + 11: value = LENGTH;
            AT_PARAMETERS + 12: value = STORE;
            AT_PARAMETERS + 13: value = FEED;
            AT_PARAMETERS + 14: value = SLOT;
            AT_PARAMETERS + 15: value = SIGMOID;
            AT_MORE_PARAMETERS + 0: value = PIPELINE;
            AT_MORE_PARAMETERS + 1: value = SATURATIONS;
            default: known = 1'b0;
        endcase
    end
endmodule

`default_nettype wire

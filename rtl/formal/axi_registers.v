// SPDX-License-Identifier: Apache-2.0
// Proof harness: whatever is written and whenever the machine takes it, fabric_axi_registers offers each command and each
// instruction once for the write that sent it, with the words written before, unchanged until it is taken; none waits where
// the write was refused, and nothing of an instruction changes while a command waits or is executed.
`default_nettype none

module axi_registers (
    input wire        clk,
    input wire        rst,
    input wire        write,
    input wire [5:0]  write_number,
    input wire [31:0] write_data,
    input wire        program_ready,
    input wire        command_ready,
    input wire        busy
);
    localparam [5:0] CONTROL = 6'd2;
    localparam [5:0] PACKET = 6'd4;
    localparam [5:0] COMMAND = 6'd32;
    localparam [5:0] PROGRAM = 6'd40;

    wire refused, reset, program_valid, command_valid;
    wire [31:0] packet;
    wire [39:0] program_data;       // two words
    wire [79:0] command_data;

    fabric_axi_registers #(.PROGRAM(40)) dut (
        .clk(clk), .rst(rst), .write(write), .write_number(write_number), .write_data(write_data),
        .write_refused(refused), .read_number(6'd0), .read_data(), .read_refused(), .reset(reset), .packet(packet),
        .program_data(program_data), .program_valid(program_valid), .program_ready(program_ready),
        .command_data(command_data), .command_valid(command_valid), .command_ready(command_ready), .busy(busy),
        .input_fault(1'b0), .target_fault(1'b0), .count_cycles(32'd0), .count_forward(32'd0), .count_backward(32'd0),
        .count_waiting(32'd0), .count_updates(32'd0),
        .count_clipped_activations(32'd0), .count_clipped_errors(32'd0), .count_clipped_deltas(32'd0),
        .count_clipped_weights(32'd0), .count_steps(32'd0), .count_slot(4'd0)
    );

    reg begun = 1'b0;
    reg commands_q, programs_q;             // sent and not yet taken
    reg [79:0] command_q;                   // words as they were written
    reg [39:0] program_q;
    reg [31:0] packet_q;
    reg reset_q, fixed_q;
    reg [39:0] before_q;
    wire done = write && !refused;
    wire sends_command = done && write_number == COMMAND + 6'd2;
    wire sends_program = done && write_number == PROGRAM + 6'd1;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        if (rst) begin
            reset_q <= 1'b0;
            packet_q <= 32'd1;
        end else begin
            if (done && write_number == CONTROL)
                reset_q <= write_data[0];
            if (done && write_number == PACKET)
                packet_q <= write_data;
        end
        if (rst || reset_q) begin
            commands_q <= 1'b0;
            programs_q <= 1'b0;
        end else begin
            commands_q <= sends_command || (commands_q && !command_ready);
            programs_q <= sends_program || (programs_q && !program_ready);
        end
        if (done && write_number == COMMAND)
            command_q[31:0] <= write_data;
        if (done && write_number == COMMAND + 6'd1)
            command_q[63:32] <= write_data;
        if (sends_command)
            command_q[79:64] <= write_data[15:0];
        if (done && write_number == PROGRAM)
            program_q[31:0] <= write_data;
        if (sends_program)
            program_q[39:32] <= write_data[7:0];
        fixed_q <= busy || command_valid;
        before_q <= program_data;

        if (begun && !rst) begin
            assert (reset == reset_q && packet == packet_q);
            assert (command_valid == commands_q && program_valid == programs_q);
            if (command_valid)      // a command of three written words, of a kind that there is
                assert (command_data[79:64] == command_q[79:64] && command_data[1:0] != 2'd3);
            if (program_valid)
                assert (program_data[39:32] == program_q[39:32]);
            // While something is offered, its words and its packet are refused, and so is a second one.
            if (write && (command_valid || reset) && write_number >= COMMAND && write_number < COMMAND + 6'd3)
                assert (refused);
            if (write && command_valid && write_number == PACKET)
                assert (refused);
            if (write && (command_valid || program_valid || busy || reset) && write_number >= PROGRAM)
                assert (refused);
            if (write && write_number >= PROGRAM + 6'd2)
                assert (refused);
            if (fixed_q)
                assert (program_data == before_q);
        end
    end

    // Words that were never written are what they were at power-up; from the first write on they are the ones written.
    reg [2:0] seen_q = 3'd0;
    always @(posedge clk) begin
        if (done && write_number == COMMAND)
            seen_q[0] <= 1'b1;
        if (done && write_number == COMMAND + 6'd1)
            seen_q[1] <= 1'b1;
        if (done && write_number == PROGRAM)
            seen_q[2] <= 1'b1;
        if (seen_q[0])
            assert (command_data[31:0] == command_q[31:0]);
        if (seen_q[1])
            assert (command_data[63:32] == command_q[63:32]);
        if (seen_q[2])
            assert (program_data[31:0] == program_q[31:0]);
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Proof harness: whatever program, commands, weights and values the machine is given, and however its host pauses, a beat on
// `output` is offered unchanged until it is taken.
`default_nettype none

module outputs (
    input wire                  clk,
    input wire                  rst,
    input wire [PROGRAM-1:0]    program_data,
    input wire                  program_valid,
    input wire [79:0]           command_data,
    input wire                  command_valid,
    input wire [3:0]            input_data,
    input wire                  input_valid,
    input wire [3:0]            target_data,
    input wire                  target_valid,
    input wire                  output_ready
);
    localparam PROGRAM = 1 + 2 * 1 + 5 * 2 + 51;
    wire [3:0] output_data;
    wire output_valid;

    fabric_machine #(
        .ROWS(1), .COLUMNS(2), .WORD(4), .WEIGHT(4), .ACC(10), .SHIFT(1), .FRACTION(1), .WIDEN(0), .UPDATE_SHIFT(2),
        .BANKS(1), .DEPTH(2), .ADDRESS(1), .LENGTH(2), .STORE(2), .SLOTS(2), .SLOT(1), .MEMORY(2), .SIGMOID(0)
    ) dut (
        .clk(clk), .rst(rst), .program_data(program_data), .program_valid(program_valid), .command_data(command_data),
        .command_valid(command_valid), .input_data(input_data), .input_valid(input_valid), .target_data(target_data),
        .target_valid(target_valid), .output_data(output_data), .output_valid(output_valid),
        .output_ready(output_ready)
    );

    reg begun = 1'b0;
    reg stays_q;
    reg [3:0] offered_q;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        stays_q <= output_valid && !output_ready && !rst;
        offered_q <= output_data;
        if (begun && !rst && stays_q)
            assert (output_valid && output_data == offered_q);
        cover (stays_q);
    end
endmodule

`default_nettype wire

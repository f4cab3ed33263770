// SPDX-License-Identifier: Apache-2.0
// What is proved of the host's side of fabric_junction: entries, rows of weights and reads come in any combination, also
// in one cycle, and each entry and each row holds what was written there last.
`default_nettype none

module junction_host (
    input wire       clk,
    input wire       pattern_write,
    input wire       pattern_entry,
    input wire [3:0] pattern_data,      // rows of two memories, then memories of two lanes
    input wire       weight_write,
    input wire       weight_row,
    input wire [7:0] weight_data,
    input wire       weight_read,
    input wire       read_row,
    input wire       start              // of a block
);
    (* anyconst *) reg entry;           // pick any
    (* anyconst *) reg row;
    reg begun = 1'b0;
    reg running_q = 1'b0;
    reg [2:0] cycle_q = 3'd0;
    reg [3:0] pattern_q;                // what was written there last
    reg [7:0] weight_q;
    reg pattern_known_q = 1'b0;
    reg weight_known_q = 1'b0;
    reg read_q = 1'b0;                  // the last cycle has read the row, which then held:
    reg [7:0] expected_q;
    wire [7:0] weights;
    wire [1:0] rows;                    // of the cycle before the last one
    wire idle = begun && !running_q && !start;

    fabric_junction #(
        .WORD(4), .WEIGHT(4), .ACC(12), .SHIFT(1), .FRACTION(1), .UPDATE_SHIFT(2), .INPUTS(4), .FAN_OUT(1), .OUTPUTS(2),
        .LANES(2), .FILL(2), .RIGHT_LANES(1), .ENTRIES(2), .LEFT_FUNCTION(0), .RIGHT_FUNCTION(0), .SLOWEST(2)
    ) junction (
        .clk(clk), .rst(!begun), .pattern_write(pattern_write && idle), .pattern_entry(pattern_entry),
        .pattern_data(pattern_data), .weight_write(weight_write && idle), .weight_row(weight_row),
        .weight_data(weight_data), .weight_read(weight_read && idle), .read_row(read_row), .weights(weights),
        .next_block(begun && start && !running_q), .in_block(running_q), .cycle(cycle_q), .forward(1'b1), .backward(1'b0),
        .stochastic(1'b0), .rate(3'd0), .left_write(1'b0), .left_data(8'd0), .right_delta_write(1'b0),
        .right_delta_rows(1'd0), .right_delta_data(4'd0), .left_delta_rows(rows)
    );

    always @(posedge clk) begin
        begun <= 1'b1;
        if (begun && start)
            running_q <= 1'b1;
        cycle_q <= running_q ? cycle_q + 3'd1 : 3'd0;
        if (idle && pattern_write && (pattern_entry == entry)) begin
            pattern_q <= pattern_data;
            pattern_known_q <= 1'b1;
        end
        if (idle && weight_write && (weight_row == row)) begin
            weight_q <= weight_data;
            weight_known_q <= 1'b1;
        end
        read_q <= idle && weight_read && (read_row == row) && weight_known_q;
        expected_q <= weight_q;

        if (read_q)
            assert (weights == expected_q);
        // The entry of cycle 0 shows in cycle 2, that of cycle 1 in cycle 3.
        if (running_q && pattern_known_q && (cycle_q == {2'b01, entry}))
            assert (rows == pattern_q[1:0]);
        cover (read_q && (weights != 8'd0));
        cover (running_q && pattern_known_q && (cycle_q == {2'b01, entry}) && (rows == 2'd2));
    end
endmodule

`default_nettype wire

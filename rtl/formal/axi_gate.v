// SPDX-License-Identifier: Apache-2.0
// Proof harness: fabric_axi_gate lets exactly count groups of last + 1 beats of a command through, drops what comes in
// reset, and finds a fault just where a packet ends within a group or the last beat ends none.
`default_nettype none

module axi_gate (
    input wire       clk,
    input wire       rst,
    input wire       begin_command,
    input wire [1:0] last,
    input wire [1:0] count,
    input wire       in_valid,
    input wire       in_last,
    input wire       out_ready
);
    wire in_ready, out_valid, fault;

    fabric_axi_gate #(.LENGTH(2)) dut (
        .clk(clk), .rst(rst), .begin_command(begin_command), .last(last), .count({30'd0, count}), .in_valid(in_valid),
        .in_last(in_last), .in_ready(in_ready), .out_valid(out_valid), .out_ready(out_ready), .fault(fault)
    );

    reg begun = 1'b0;
    reg [3:0] owed_q;               // beats of the command that have not come
    reg [2:0] size_q;               // of a group
    wire open = owed_q != 4'd0;
    wire beat = in_valid && in_ready;
    wire ends_group = (owed_q - 4'd1) % {1'b0, size_q} == 4'd0;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        assume (!begin_command || rst || !open);    // the machine takes a command when the one before is complete
        if (rst)
            owed_q <= 4'd0;
        else if (begin_command)
            owed_q <= {2'd0, count} * ({2'd0, last} + 4'd1);
        else if (beat)
            owed_q <= owed_q - 4'd1;
        if (begin_command)
            size_q <= {1'b0, last} + 3'd1;
        if (begun && rst)
            assert (in_ready && !fault);
        if (begun && !rst) begin
            assert (in_ready == (open && out_ready));
            assert (out_valid == (open && in_valid));
            assert (fault == (beat && (ends_group ? owed_q == 4'd1 && !in_last : in_last)));
        end
    end
endmodule

`default_nettype wire

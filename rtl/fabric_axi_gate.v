// SPDX-License-Identifier: Apache-2.0
// Lets the beats of one command through, a number of groups, and no more, and in reset takes and drops what comes; says
// where a packet does not end with a group or goes on after the command's last beat. Combinational from side to side.
`default_nettype none

module fabric_axi_gate #(
    parameter LENGTH = 8    // bits of the beats of a group
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              begin_command,     // `count` groups of `last` + 1 beats from the next cycle on
    input  wire [LENGTH-1:0] last,
    input  wire [31:0]       count,
    input  wire              in_valid,
    input  wire              in_last,
    output wire              in_ready,
    output wire              out_valid,
    input  wire              out_ready,
    output wire              fault              // this beat ends a packet within a group, or the command but no packet
);
    reg [31:0] left_q;
    reg [LENGTH-1:0] last_q;
    reg [LENGTH-1:0] place_q;   // beats of the group that follow this one

    wire open = left_q != 32'd0;
    wire beat = in_valid && open && out_ready && !rst;
    wire complete = place_q == {LENGTH{1'b0}};

    assign in_ready = rst || (open && out_ready);
    assign out_valid = in_valid && open;
    assign fault = beat && (complete ? (left_q == 32'd1) && !in_last : in_last);

    always @(posedge clk) begin
        if (rst)
            left_q <= 32'd0;
        else if (begin_command)
            left_q <= count;
        else if (beat && complete)
            left_q <= left_q - 32'd1;
        if (begin_command) begin
            last_q <= last;
            place_q <= last;
        end else if (beat)
            place_q <= complete ? last_q : place_q - 1'b1;
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Proof harness: fabric_axi_last marks every beat whose number in its command, counted from one, is a multiple of the beats
// of a packet, and no other.
`default_nettype none

module axi_last (
    input wire       clk,
    input wire       rst,
    input wire       begin_command,
    input wire [1:0] packet,
    input wire       beat
);
    localparam BEATS = 3;
    wire last;

    fabric_axi_last #(.BEATS(BEATS), .PLACE(2)) dut (
        .clk(clk), .rst(rst), .begin_command(begin_command), .packet({30'd0, packet}), .beat(beat), .last(last)
    );

    reg begun = 1'b0;
    reg running_q;
    reg [4:0] beats_q;              // of the command, before this one
    reg [4:0] size_q;               // of a packet

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        if (rst)
            running_q <= 1'b0;
        else if (begin_command)
            running_q <= 1'b1;
        beats_q <= begin_command ? 5'd0 : beats_q + {4'd0, beat};
        if (begin_command)
            size_q <= (packet == 2'd0) ? BEATS : BEATS * packet;
        if (begun && !rst && running_q)
            assert (last == ((beats_q + 5'd1) % size_q == 5'd0));
    end
endmodule

`default_nettype wire

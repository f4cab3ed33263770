// SPDX-License-Identifier: Apache-2.0
// Marks the last beat of every packet of a stream of groups. Combinational from the counters to the mark.
`default_nettype none

module fabric_axi_last #(
    parameter BEATS = 4,    // of a group
    parameter PLACE = 2     // clog2(BEATS)
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        begin_command,   // the next beat is the first of a packet
    input  wire [31:0] packet,          // groups of a packet for this command; 0 counts as 1
    input  wire        beat,
    output wire        last
);
    localparam LAST = BEATS - 1;

    reg [PLACE-1:0] place_q;
    reg [31:0] packet_q;
    reg [31:0] groups_q;        // of the packet, complete

    wire complete = place_q == LAST[PLACE-1:0];

    assign last = complete && ((packet_q == 32'd0) || (groups_q == packet_q - 32'd1));

    always @(posedge clk) begin
        if (begin_command)
            packet_q <= packet;
        if (rst || begin_command) begin
            place_q <= {PLACE{1'b0}};
            groups_q <= 32'd0;
        end else if (beat) begin
            place_q <= complete ? {PLACE{1'b0}} : place_q + 1'b1;
            groups_q <= last ? 32'd0 : groups_q + {31'd0, complete};
        end
    end
endmodule

`default_nettype wire

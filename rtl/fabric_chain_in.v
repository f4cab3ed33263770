// SPDX-License-Identifier: Apache-2.0
// Fills a chain of registers along the rows from a stream, one beat a place, for a number of groups of beats; the next
// group enters from the cycle in which the last one is taken. Latency: the length of a group.
`default_nettype none

module fabric_chain_in #(
    parameter LENGTH = 8,       // bits of the length of a group
    parameter COUNT = 32,       // bits of the number of groups
    parameter GROUP = 2         // bits of a group's number
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              begin_run,     // start anew: `count` groups of `last` + 1 beats
    input  wire [LENGTH-1:0] last,
    input  wire [COUNT-1:0]  count,
    input  wire              valid,
    output wire              ready,
    input  wire              take,          // the group has been used
    output reg               full_q,
    output reg  [LENGTH-1:0] place_q,       // index of the value that comes next: last .. 0
    output reg  [GROUP-1:0]  group_q        // number of the group that is coming in, modulo 2^GROUP
);
    reg [COUNT-1:0] left_q;
    reg [LENGTH-1:0] last_q;

    assign ready = (left_q != {COUNT{1'b0}}) && (!full_q || take);

    wire beat = valid && ready;
    wire complete = beat && (place_q == {LENGTH{1'b0}});

    always @(posedge clk) begin
        if (rst) begin
            left_q <= {COUNT{1'b0}};
            full_q <= 1'b0;
        end else if (begin_run) begin
            left_q <= count;
            full_q <= 1'b0;
        end else begin
            if (complete)
                left_q <= left_q - 1'b1;
            if (complete)
                full_q <= 1'b1;
            else if (take)
                full_q <= 1'b0;
        end
        if (begin_run) begin
            last_q <= last;
            place_q <= last;
            group_q <= {GROUP{1'b0}};
        end else if (beat) begin
            place_q <= complete ? last_q : place_q - 1'b1;
            group_q <= complete ? group_q + 1'b1 : group_q;
        end
    end
endmodule

`default_nettype wire

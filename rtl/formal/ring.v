// SPDX-License-Identifier: Apache-2.0
// Proof harness: on a ring whose values move one place a cycle, fabric_ring_address gives every place the index of the
// value that it holds, for any base and any length that the ring can have, whenever phases begin or pause.
`default_nettype none

module ring #(
    parameter SIZE = 3
) (
    input wire       clk,
    input wire       advance,       // free: the machine may wait in any cycle
    input wire [4:0] base,
    input wire [2:0] length         // values, less one
);
    localparam ADDRESS = 5;

    reg [2:0] cycle_q = 3'd0;
    reg [4:0] base_q;
    reg [2:0] length_q;
    wire start = cycle_q == 3'd0;
    wire [4:0] base_now = start ? base : base_q;
    wire [2:0] length_now = start ? length : length_q;
    wire [SIZE*ADDRESS-1:0] starts;
    wire [SIZE*ADDRESS-1:0] address;
    wire [SIZE*ADDRESS-1:0] address_q;

    fabric_ring_address #(.SIZE(SIZE), .ADDRESS(ADDRESS)) dut (
        .clk(clk), .enable(advance), .start(start), .same(1'b0), .base(base_now),
        .starts(starts),
        .last(base_now + {2'd0, length_now}), .address(address), .address_q(address_q)
    );

    // The ring itself: places 0 .. length, each with the index of its value; places from SIZE on are the feed.
    reg [2:0] value_q [0:7];
    wire [2:0] value [0:7];
    genvar p;
    generate
        for (p = 0; p < 8; p = p + 1) begin : place
            localparam [2:0] PLACE = p;
            assign value[p] = start ? PLACE : value_q[p];
            always @(posedge clk)
                if (advance)
                    value_q[p] <= (p == 0) ? value[length_now] : value[(p == 0) ? 0 : p - 1];
        end
        for (p = 0; p < SIZE; p = p + 1) begin : check
            localparam [ADDRESS-1:0] OFFSET = p;
            assign starts[p*ADDRESS +: ADDRESS] = base_now + OFFSET;
            always @(posedge clk)
                assert (address[p*ADDRESS +: ADDRESS] == base_now + {2'd0, value[p]});
        end
    endgenerate

    always @(posedge clk) begin
        assume ({1'b0, base} + {3'd0, length} < 6'd32);
        assume ({29'd0, length} + 32'd1 >= SIZE);
        if (advance) begin
            cycle_q <= (cycle_q == length_now) ? 3'd0 : cycle_q + 3'd1;
            base_q <= base_now;
            length_q <= length_now;
        end
        cover (advance && !start && cycle_q == length_now);
    end
endmodule

`default_nettype wire

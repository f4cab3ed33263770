// SPDX-License-Identifier: Apache-2.0
// Weight addresses of a ring: in cycle t of a phase of LENGTH values, position p uses base + (p - t) mod LENGTH, the
// index of the value that passes by. In the cycle of start the addresses are those of t = 0. Latency 0.
`default_nettype none

module fabric_ring_address #(
    parameter SIZE = 4,         // positions of the ring, 2..
    parameter ADDRESS = 5       // bits of an address
) (
    input  wire                    clk,
    input  wire                    enable,
    input  wire                    start,
    input  wire                    same,        // the same address, base, at all positions
    input  wire [ADDRESS-1:0]      base,
    input  wire [SIZE*ADDRESS-1:0] starts,      // base + p for each position p
    input  wire [ADDRESS-1:0]      last,        // base + LENGTH - 1, at least base + SIZE - 1
    output wire [SIZE*ADDRESS-1:0] address,
    output reg  [SIZE*ADDRESS-1:0] address_q    // those of the cycle before
);
    // A build that cannot work names a module that does not exist.
    generate
        if ((SIZE < 1) || ((1 << ADDRESS) < SIZE)) begin : wrong_size
            ADDRESS_must_hold_SIZE refused ();
        end
    endgenerate

    reg [ADDRESS-1:0] next_q;   // of position 0; every other position uses what the one before it has just used

    genvar p;
    generate
        for (p = 0; p < SIZE; p = p + 1) begin : position
            wire [ADDRESS-1:0] following;
            wire [ADDRESS-1:0] at = same ? base : start ? starts[p*ADDRESS +: ADDRESS] : following;

            if (p == 0) begin : first
                assign following = next_q;
            end else begin : further
                assign following = address_q[(p-1)*ADDRESS +: ADDRESS];
            end
            assign address[p*ADDRESS +: ADDRESS] = at;
        end
    endgenerate

    always @(posedge clk) begin
        if (enable) begin
            next_q <= (address[ADDRESS-1:0] == base) ? last : address[ADDRESS-1:0] - 1'b1;
            address_q <= address;
        end
    end
endmodule

`default_nettype wire

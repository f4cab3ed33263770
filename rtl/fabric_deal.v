// SPDX-License-Identifier: Apache-2.0
// Crossbar of a permutation: lane l takes word number order[l], or, the other way round, gives its word to that place.
// Combinational.
`default_nettype none

module fabric_deal #(
    parameter LANES = 4,        // words, 1..
    parameter WIDTH = 9,        // bits of a word
    parameter INDEX = 2,        // bits of a word's number, >= clog2(LANES)
    parameter DITHER = 1,       // 0: order is that of the lanes, wires only
    parameter BACK = 0          // 0 takes, 1 gives
) (
    input  wire [LANES*INDEX-1:0] order,
    input  wire [LANES*WIDTH-1:0] in,
    output wire [LANES*WIDTH-1:0] out
);
    genvar l;
    generate
        if (DITHER == 0) begin : straight
            assign out = in;
            wire unused = &{1'b0, order};
        end else if (BACK == 0) begin : takes
            for (l = 0; l < LANES; l = l + 1) begin : lane
                assign out[l*WIDTH +: WIDTH] = in[order[l*INDEX +: INDEX]*WIDTH +: WIDTH];
            end
        end else begin : gives
            for (l = 0; l < LANES; l = l + 1) begin : place
                localparam [INDEX-1:0] OWN = l;
                reg [WIDTH-1:0] given;
                integer i;
                always @* begin
                    given = {WIDTH{1'b0}};
                    for (i = 0; i < LANES; i = i + 1)
                        given = given | (in[i*WIDTH +: WIDTH] & {WIDTH{order[i*INDEX +: INDEX] == OWN}});
                end
                assign out[l*WIDTH +: WIDTH] = given;
            end
        end
    endgenerate
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Empties a chain of registers along the rows into a stream, one beat a place, last place first. Latency 1.
`default_nettype none

module fabric_chain_out #(
    parameter PLACES = 4,       // places of the chain
    parameter COUNT = 3         // bits that hold PLACES
) (
    input  wire clk,
    input  wire rst,
    input  wire load,           // the chain takes new values at the end of this cycle; only where free
    output wire free,           // the chain is empty, or its last value leaves in this cycle
    output wire valid,
    input  wire ready,
    output wire shift
);
    reg [COUNT-1:0] left_q;

    assign valid = left_q != {COUNT{1'b0}};
    assign shift = valid && ready;
    assign free = !valid || (shift && (left_q == {{(COUNT - 1){1'b0}}, 1'b1}));

    always @(posedge clk) begin
        if (rst)
            left_q <= {COUNT{1'b0}};
        else if (load)
            left_q <= PLACES[COUNT-1:0];
        else if (shift)
            left_q <= left_q - 1'b1;
    end
endmodule

`default_nettype wire

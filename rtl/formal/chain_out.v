// SPDX-License-Identifier: Apache-2.0
// Proof harness: fabric_chain_out offers as many beats after a load as the chain has places, each until it is taken, and is
// free just when a load would lose none.
`default_nettype none

module chain_out (
    input wire clk,
    input wire rst,
    input wire load,
    input wire ready
);
    localparam PLACES = 3;
    wire free, valid, shift;

    fabric_chain_out #(.PLACES(PLACES), .COUNT(2)) dut (
        .clk(clk), .rst(rst), .load(load), .free(free), .valid(valid), .ready(ready), .shift(shift)
    );

    reg begun = 1'b0;
    reg stays_q;
    reg [4:0] owed_q;               // beats that have been loaded and not taken

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        assume (!load || free || rst);
        stays_q <= valid && !ready && !rst;
        owed_q <= rst ? 5'd0 : owed_q + (load ? PLACES : 5'd0) - {4'd0, valid && ready};
        if (begun && !rst) begin
            assert (valid == (owed_q != 5'd0));
            assert (shift == (valid && ready));
            assert (free == (owed_q == {4'd0, shift}));
            assert (owed_q <= PLACES);
            if (stays_q)
                assert (valid);
        end
    end
endmodule

`default_nettype wire

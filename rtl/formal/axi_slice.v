// SPDX-License-Identifier: Apache-2.0
// Proof harness: of any sequence of beats, fabric_axi_slice delivers each once and in order, offers a beat unchanged until
// it is taken, holds two, and has room whenever it does not.
`default_nettype none

module axi_slice (
    input wire       clk,
    input wire       rst,
    input wire [3:0] in_data,
    input wire       in_valid,
    input wire       out_ready,
    input wire       watch          // free: pick any accepted beat
);
    wire in_ready, out_valid;
    wire [3:0] out_data;

    fabric_axi_slice #(.WIDTH(4)) dut (
        .clk(clk), .rst(rst), .in_data(in_data), .in_valid(in_valid), .in_ready(in_ready),
        .out_data(out_data), .out_valid(out_valid), .out_ready(out_ready)
    );

    reg begun = 1'b0;
    reg fresh_q;                    // the cycle before was one of reset
    reg watching_q, stays_q;
    reg [3:0] watched_q, offered_q;
    reg [1:0] ahead_q;              // beats that leave before the watched one
    reg [1:0] held_q;               // beats inside
    wire in = in_valid && in_ready;
    wire out = out_valid && out_ready;

    always @(posedge clk) begin
        begun <= 1'b1;
        fresh_q <= rst;
        if (!begun)
            assume (rst);
        offered_q <= out_data;
        stays_q <= !rst && out_valid && !out_ready;
        if (rst) begin
            watching_q <= 1'b0;
            held_q <= 2'd0;
        end else begin
            held_q <= held_q + {1'b0, in} - {1'b0, out};
            if (!watching_q && watch && in) begin
                watching_q <= 1'b1;
                watched_q <= in_data;
                ahead_q <= held_q - {1'b0, out};
            end else if (watching_q && out) begin
                ahead_q <= ahead_q - 2'd1;
                if (ahead_q == 2'd0)
                    watching_q <= 1'b0;
            end
        end
        if (begun && !rst) begin
            assert (held_q <= 2'd2);
            assert (in_ready == (!fresh_q && held_q != 2'd2));
            assert (out_valid == (held_q != 2'd0));
            if (watching_q && ahead_q == 2'd0)
                assert (out_valid && out_data == watched_q);
            if (stays_q)
                assert (out_valid && out_data == offered_q);
        end
    end
endmodule

`default_nettype wire

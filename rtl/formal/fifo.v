// SPDX-License-Identifier: Apache-2.0
// Proof harness: of any sequence of beats, fabric_fifo delivers each once and in order, and never claims room it lacks.
`default_nettype none

module fifo #(
    parameter DEPTH = 4
) (
    input wire       clk,
    input wire       rst,
    input wire [3:0] in_data,
    input wire       in_valid,
    input wire       out_ready,
    input wire       watch          // free: pick any accepted beat
);
    wire in_ready, out_valid;
    wire [3:0] out_data;

    fabric_fifo #(.WIDTH(4), .DEPTH(DEPTH)) dut (
        .clk(clk), .rst(rst), .in_data(in_data), .in_valid(in_valid), .in_ready(in_ready),
        .out_data(out_data), .out_valid(out_valid), .out_ready(out_ready)
    );

    reg begun = 1'b0;
    reg watching_q;
    reg [3:0] watched_q;
    reg [3:0] ahead_q;              // beats that leave before the watched one
    reg [3:0] held_q;               // beats inside
    wire in = in_valid && in_ready;
    wire out = out_valid && out_ready;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        if (rst) begin
            watching_q <= 1'b0;
            held_q <= 4'd0;
        end else begin
            held_q <= held_q + {3'd0, in} - {3'd0, out};
            if (!watching_q && watch && in) begin
                watching_q <= 1'b1;
                watched_q <= in_data;
                ahead_q <= held_q - {3'd0, out};
            end else if (watching_q && out) begin
                ahead_q <= ahead_q - 4'd1;
                if (ahead_q == 4'd0)
                    watching_q <= 1'b0;
            end
        end
        if (begun && !rst) begin
            assert (held_q <= DEPTH);
            assert (in_ready == (held_q < DEPTH));
            assert (out_valid == (held_q != 4'd0));
            if (watching_q && ahead_q == 4'd0)
                assert (out_valid && out_data == watched_q);
            cover (held_q == DEPTH);
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Register slice of a stream: both directions leave registers. A beat a cycle passes all the same, since a second
// register keeps what comes in the cycle in which the other side stops. Latency 1.
`default_nettype none

module fabric_axi_slice #(
    parameter WIDTH = 32    // bits of a beat, 1..
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] in_data,
    input  wire             in_valid,
    output wire             in_ready,
    output wire [WIDTH-1:0] out_data,
    output wire             out_valid,
    input  wire             out_ready
);
    reg [WIDTH-1:0] out_q;
    reg [WIDTH-1:0] kept_q;
    reg ready_q, valid_q, keeps_q;

    wire take = in_valid && ready_q;
    wire free = !valid_q || out_ready;

    assign in_ready = ready_q;
    assign out_data = out_q;
    assign out_valid = valid_q;

    always @(posedge clk) begin
        if (take)
            kept_q <= in_data;
        if (free)
            out_q <= keeps_q ? kept_q : in_data;
        if (rst) begin
            ready_q <= 1'b0;
            valid_q <= 1'b0;
            keeps_q <= 1'b0;
        end else begin
            ready_q <= free || (!keeps_q && !take);
            valid_q <= !free || keeps_q || take;
            keeps_q <= !free && (keeps_q || take);
        end
    end
endmodule

`default_nettype wire

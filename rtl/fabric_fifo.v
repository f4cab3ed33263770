// SPDX-License-Identifier: Apache-2.0
// First-in first-out queue with valid/ready on both sides, full throughput. Latency 1 from an empty queue.
`default_nettype none

module fabric_fifo #(
    parameter WIDTH = 9,    // bits of a beat, 1..
    parameter DEPTH = 4     // beats, a power of two from 2
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
    // A build that cannot work names a module that does not exist.
    generate
        if ((DEPTH < 2) || ((DEPTH & (DEPTH - 1)) != 0)) begin : wrong_depth
            DEPTH_must_be_a_power_of_two refused ();
        end
    endgenerate

    localparam POINTER = $clog2(DEPTH);

    reg [WIDTH-1:0] memory [0:DEPTH-1];
    reg [POINTER:0] write_q;   // one bit more than an address tells full from empty
    reg [POINTER:0] read_q;

    assign in_ready = (write_q[POINTER-1:0] != read_q[POINTER-1:0]) || (write_q[POINTER] == read_q[POINTER]);
    assign out_valid = write_q != read_q;
    assign out_data = memory[read_q[POINTER-1:0]];

    always @(posedge clk) begin
        if (in_valid && in_ready)
            memory[write_q[POINTER-1:0]] <= in_data;
        if (rst) begin
            write_q <= {(POINTER + 1){1'b0}};
            read_q <= {(POINTER + 1){1'b0}};
        end else begin
            if (in_valid && in_ready)
                write_q <= write_q + 1'b1;
            if (out_valid && out_ready)
                read_q <= read_q + 1'b1;
        end
    end
endmodule

`default_nettype wire

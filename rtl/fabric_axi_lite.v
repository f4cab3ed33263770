// SPDX-License-Identifier: Apache-2.0
// The five channels of an AXI4-Lite slave in front of a set of registers; writes and reads are independent. A write of
// less than a whole word is refused. Latency 2 from the last of address and data to the response.
`default_nettype none

module fabric_axi_lite #(
    parameter NUMBER = 6    // bits of a register's number; a register has 32 bits
) (
    input  wire                clk,
    input  wire                rst,
    // bus
    input  wire [NUMBER-1:0]   awaddr,          // of the word
    input  wire                awvalid,
    output wire                awready,
    input  wire [31:0]         wdata,
    input  wire [3:0]          wstrb,
    input  wire                wvalid,
    output wire                wready,
    output wire [1:0]          bresp,
    output wire                bvalid,
    input  wire                bready,
    input  wire [NUMBER-1:0]   araddr,
    input  wire                arvalid,
    output wire                arready,
    output wire [31:0]         rdata,
    output wire [1:0]          rresp,
    output wire                rvalid,
    input  wire                rready,
    // registers
    output wire                write,           // for one cycle
    output wire [NUMBER-1:0]   write_number,
    output wire [31:0]         write_data,
    input  wire                write_refused,   // in the cycle of the write: nothing is written
    output wire [NUMBER-1:0]   read_number,
    input  wire [31:0]         read_data,
    input  wire                read_refused
);
    localparam [1:0] OKAY = 2'b00;
    localparam [1:0] SLVERR = 2'b10;

    reg aw_ready_q, aw_held_q, w_ready_q, w_held_q, ar_ready_q, ar_held_q, b_valid_q, r_valid_q;
    reg [NUMBER-1:0] aw_q, ar_q;
    reg [31:0] w_q, r_q;
    reg [1:0] b_resp_q, r_resp_q;
    reg whole_q;

    assign awready = aw_ready_q;
    assign wready = w_ready_q;
    assign arready = ar_ready_q;
    assign bvalid = b_valid_q;
    assign bresp = b_resp_q;
    assign rvalid = r_valid_q;
    assign rdata = r_q;
    assign rresp = r_resp_q;

    // What is held is answered once the response before has been taken.
    wire answer_write = aw_held_q && w_held_q && !b_valid_q;
    wire answer_read = ar_held_q && !r_valid_q;
    wire aw_held = aw_held_q ? !answer_write : awvalid && aw_ready_q;
    wire w_held = w_held_q ? !answer_write : wvalid && w_ready_q;
    wire ar_held = ar_held_q ? !answer_read : arvalid && ar_ready_q;

    assign write = answer_write && whole_q;
    assign write_number = aw_q;
    assign write_data = w_q;
    assign read_number = ar_q;

    always @(posedge clk) begin
        if (rst) begin
            aw_ready_q <= 1'b0;
            aw_held_q <= 1'b0;
            w_ready_q <= 1'b0;
            w_held_q <= 1'b0;
            ar_ready_q <= 1'b0;
            ar_held_q <= 1'b0;
            b_valid_q <= 1'b0;
            r_valid_q <= 1'b0;
        end else begin
            aw_ready_q <= !aw_held;
            aw_held_q <= aw_held;
            w_ready_q <= !w_held;
            w_held_q <= w_held;
            ar_ready_q <= !ar_held;
            ar_held_q <= ar_held;
            b_valid_q <= answer_write || (b_valid_q && !bready);
            r_valid_q <= answer_read || (r_valid_q && !rready);
        end
        if (awvalid && aw_ready_q)
            aw_q <= awaddr;
        if (wvalid && w_ready_q) begin
            w_q <= wdata;
            whole_q <= wstrb == 4'b1111;
        end
        if (arvalid && ar_ready_q)
            ar_q <= araddr;
        if (answer_write)
            b_resp_q <= (write_refused || !whole_q) ? SLVERR : OKAY;
        if (answer_read) begin
            r_q <= read_refused ? 32'd0 : read_data;
            r_resp_q <= read_refused ? SLVERR : OKAY;
        end
    end
endmodule

`default_nettype wire

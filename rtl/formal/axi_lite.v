// SPDX-License-Identifier: Apache-2.0
// Proof harness: whatever a master sends and however it pauses, fabric_axi_lite answers each write and each read once, in
// order and in time, never one that was not sent; a whole write reaches the registers once, with its own address and data,
// and an answer stays until it is taken.
`default_nettype none

module axi_lite (
    input wire        clk,
    input wire        rst,
    input wire [1:0]  awaddr,
    input wire        awvalid,
    input wire [31:0] wdata,
    input wire [3:0]  wstrb,
    input wire        wvalid,
    input wire        bready,
    input wire [1:0]  araddr,
    input wire        arvalid,
    input wire        rready
);
    (* anyconst *) reg [2:0] watched;      // any write and any read
    (* anyconst *) reg [1:0] refused;      // a register that may be neither written nor read
    (* anyconst *) reg [31:0] held;        // what the registers hold, but for their numbers

    wire awready, wready, bvalid, arready, rvalid, write;
    wire [1:0] bresp, rresp, write_number, read_number;
    wire [31:0] rdata, write_data;

    fabric_axi_lite #(.NUMBER(2)) dut (
        .clk(clk), .rst(rst), .awaddr(awaddr), .awvalid(awvalid), .awready(awready), .wdata(wdata), .wstrb(wstrb),
        .wvalid(wvalid), .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready), .araddr(araddr),
        .arvalid(arvalid), .arready(arready), .rdata(rdata), .rresp(rresp), .rvalid(rvalid), .rready(rready),
        .write(write), .write_number(write_number), .write_data(write_data),
        .write_refused(write_number == refused), .read_number(read_number),
        .read_data(held ^ {30'd0, read_number}), .read_refused(read_number == refused)
    );

    reg begun = 1'b0;
    reg [2:0] aw_q, w_q, b_q, ar_q, r_q;    // taken or answered since the reset, and no more than seven
    reg [1:0] aw_watched_q, ar_watched_q, bresp_q, rresp_q;
    reg [31:0] w_watched_q, rdata_q;
    reg whole_watched_q, written_q, fresh_q, b_stays_q, r_stays_q;
    reg [2:0] b_wait_q, r_wait_q;
    wire b_new = bvalid && !b_stays_q;      // an answer appears
    wire r_new = rvalid && !r_stays_q;
    wire [2:0] b = b_q + {2'd0, b_new};
    wire [2:0] r = r_q + {2'd0, r_new};
    wire owed = aw_q > b && w_q > b;

    always @(posedge clk) begin
        begun <= 1'b1;
        fresh_q <= rst;
        if (!begun)
            assume (rst);
        assume (aw_q != 3'd7 && w_q != 3'd7 && ar_q != 3'd7);
        if (rst) begin
            aw_q <= 3'd0;
            w_q <= 3'd0;
            b_q <= 3'd0;
            ar_q <= 3'd0;
            r_q <= 3'd0;
            b_wait_q <= 3'd0;
            r_wait_q <= 3'd0;
        end else begin
            aw_q <= aw_q + {2'd0, awvalid && awready};
            w_q <= w_q + {2'd0, wvalid && wready};
            b_q <= b;
            ar_q <= ar_q + {2'd0, arvalid && arready};
            r_q <= r;
            b_wait_q <= (owed && !bvalid) ? b_wait_q + 3'd1 : 3'd0;
            r_wait_q <= (ar_q > r && !rvalid) ? r_wait_q + 3'd1 : 3'd0;
        end
        written_q <= write && !rst;
        b_stays_q <= bvalid && !bready && !rst;
        r_stays_q <= rvalid && !rready && !rst;
        bresp_q <= bresp;
        rresp_q <= rresp;
        rdata_q <= rdata;
        if (awvalid && awready && aw_q == watched)
            aw_watched_q <= awaddr;
        if (wvalid && wready && w_q == watched) begin
            w_watched_q <= wdata;
            whole_watched_q <= wstrb == 4'b1111;
        end
        if (arvalid && arready && ar_q == watched)
            ar_watched_q <= araddr;

        if (begun && !rst) begin
            // No answer without both halves of a write, none twice; at most one more is held while an answer waits.
            assert (b <= aw_q && b <= w_q && aw_q - b <= 3'd1 && w_q - b <= 3'd1);
            assert (r <= ar_q && ar_q - r <= 3'd1);
            // In time: the cycle after the register has been reached. Room is there as soon as nothing is held.
            assert (b_wait_q <= 3'd1 && r_wait_q <= 3'd1);
            assert (awready == (!fresh_q && aw_q == b) && wready == (!fresh_q && w_q == b));
            assert (arready == (!fresh_q && ar_q == r));
            // The write itself: once, before its answer.
            if (write && b == watched)
                assert (aw_q > watched && w_q > watched && write_number == aw_watched_q && write_data == w_watched_q
                    && whole_watched_q);
            if (b_new && b_q == watched) begin
                assert (written_q == whole_watched_q);
                assert (bresp == ((whole_watched_q && aw_watched_q != refused) ? 2'b00 : 2'b10));
            end
            if (written_q)
                assert (b_new);
            if (r_new && r_q == watched) begin
                assert (rresp == ((ar_watched_q != refused) ? 2'b00 : 2'b10));
                assert (rdata == ((ar_watched_q != refused) ? held ^ {30'd0, ar_watched_q} : 32'd0));
            end
            // An answer stays.
            if (b_stays_q)
                assert (bvalid && bresp == bresp_q);
            if (r_stays_q)
                assert (rvalid && rresp == rresp_q && rdata == rdata_q);
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Deltas of one layer, two banks that change places with every block: one is written in any order of rows, the other
// read in the order of the neurons, GROUP side by side. Latency 1.
`default_nettype none

module fabric_junction_deltas #(
    parameter WORD = 9,         // bits of a delta
    parameter LANES = 4,        // memories of a bank
    parameter GROUP = 2,        // neurons read side by side, a divisor of LANES
    parameter DEPTH = 2,        // rows of a memory, 1..
    // what follows from the others
    parameter ROW = (DEPTH > 1) ? $clog2(DEPTH) : 1     // bits of a row
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   next_block,
    input  wire                   write,        // one word of each memory
    input  wire [LANES*ROW-1:0]   write_rows,
    input  wire [LANES*WORD-1:0]  write_data,
    input  wire                   read,
    input  wire                   advance,      // the next read is of the next neurons
    output wire [GROUP*WORD-1:0]  read_data
);
    localparam PARTS = LANES / GROUP;
    localparam PART = (PARTS > 1) ? $clog2(PARTS) : 1;
    localparam LAST_PART = PARTS - 1;

    reg bank_q;
    reg [ROW-1:0] row_q;
    reg [PART-1:0] part_q;
    reg [PART-1:0] read_part_q;

    wire [LANES*WORD-1:0] words;
    assign read_data = words[read_part_q*GROUP*WORD +: GROUP*WORD];

    genvar l;
    generate
        if (LANES % GROUP != 0) begin : check_group
            GROUP_must_divide_LANES refused ();
        end
        for (l = 0; l < LANES; l = l + 1) begin : memory
            fabric_ram #(.WIDTH(WORD), .DEPTH(2 << ROW), .ADDRESS(ROW + 1)) deltas (
                .clk(clk), .read_enable(read), .read_address({row_q, !bank_q}), .read_data(words[l*WORD +: WORD]),
                .write_enable(write), .write_address({write_rows[l*ROW +: ROW], bank_q}),
                .write_data(write_data[l*WORD +: WORD])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst)
            bank_q <= 1'b0;
        else if (next_block)
            bank_q <= !bank_q;
        if (rst || next_block) begin
            row_q <= {ROW{1'b0}};
            part_q <= {PART{1'b0}};
        end else if (advance) begin
            part_q <= (part_q == LAST_PART[PART-1:0]) ? {PART{1'b0}} : part_q + 1'b1;
            if (part_q == LAST_PART[PART-1:0])
                row_q <= row_q + 1'b1;
        end
        if (read)
            read_part_q <= part_q;
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Queue of activation banks of one layer: in a block one bank fills in the order of the neurons while two others, the
// newest full one and the oldest, are read for the forward and the update unit at the same rows. Latency 1.
`default_nettype none

module fabric_junction_bank #(
    parameter WORD = 9,         // bits of an activation
    parameter LANES = 4,        // memories of a bank, z
    parameter GROUP = 2,        // neurons written side by side, a divisor of LANES
    parameter DEPTH = 2,        // rows of a memory, 1..
    parameter BANKS = 3,        // of the queue, 3..
    // what follows from the others
    parameter ROW = (DEPTH > 1) ? $clog2(DEPTH) : 1     // bits of a row
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   next_block,   // the bank that was filled becomes the newest
    input  wire                   write,        // of the next GROUP neurons
    input  wire [GROUP*WORD-1:0]  write_data,
    input  wire                   read,
    input  wire [LANES*ROW-1:0]   rows,         // of each memory
    output wire [LANES*WORD-1:0]  newest,
    output wire [LANES*WORD-1:0]  oldest
);
    localparam PARTS = LANES / GROUP;
    localparam PART = (PARTS > 1) ? $clog2(PARTS) : 1;
    localparam BANK = $clog2(BANKS);
    localparam LAST_PART = PARTS - 1;
    localparam LAST_BANK = BANKS - 1;
    localparam MEMORY = (DEPTH > 1) ? DEPTH : 2;

    reg [ROW-1:0] row_q;
    reg [PART-1:0] part_q;
    reg [BANK-1:0] filling_q;

    wire [BANK-1:0] newest_bank = (filling_q == {BANK{1'b0}}) ? LAST_BANK[BANK-1:0] : filling_q - 1'b1;
    wire [BANK-1:0] oldest_bank = (filling_q == LAST_BANK[BANK-1:0]) ? {BANK{1'b0}} : filling_q + 1'b1;
    wire [BANKS*LANES*WORD-1:0] words;

    // In a block the roles of the banks do not change, so those of the read data are those of the addresses.
    assign newest = words[newest_bank*LANES*WORD +: LANES*WORD];
    assign oldest = words[oldest_bank*LANES*WORD +: LANES*WORD];

    genvar b, l;
    generate
        if (LANES % GROUP != 0) begin : check_group
            GROUP_must_divide_LANES refused ();
        end
        if (BANKS < 3) begin : check_banks
            BANKS_must_be_at_least_3 refused ();
        end
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            localparam [BANK-1:0] NUMBER = b;
            for (l = 0; l < LANES; l = l + 1) begin : memory
                localparam OF = l / GROUP;
                localparam [PART-1:0] OWN = OF[PART-1:0];
                fabric_ram #(.WIDTH(WORD), .DEPTH(MEMORY), .ADDRESS(ROW)) activations (
                    .clk(clk), .read_enable(read), .read_address(rows[l*ROW +: ROW]),
                    .read_data(words[(b*LANES+l)*WORD +: WORD]),
                    .write_enable(write && (filling_q == NUMBER) && (part_q == OWN)),
                    .write_address(row_q), .write_data(write_data[(l % GROUP)*WORD +: WORD])
                );
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst)
            filling_q <= {BANK{1'b0}};
        else if (next_block)
            filling_q <= oldest_bank;
        if (rst || next_block) begin
            row_q <= {ROW{1'b0}};
            part_q <= {PART{1'b0}};
        end else if (write) begin
            part_q <= (part_q == LAST_PART[PART-1:0]) ? {PART{1'b0}} : part_q + 1'b1;
            if (part_q == LAST_PART[PART-1:0])
                row_q <= row_q + 1'b1;
        end
    end
endmodule

`default_nettype wire

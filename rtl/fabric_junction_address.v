// SPDX-License-Identifier: Apache-2.0
// Address generator of a junction: in every cycle of a pass the row of each memory of the left bank and the memory that
// each lane takes its activation from, no memory twice. Latency 0; a written entry is used from the next cycle on.
`default_nettype none

module fabric_junction_address #(
    parameter LANES = 4,            // lanes and memories z, 1..
    parameter DEPTH = 2,            // rows of a memory: cycles of a sweep, 1..
    parameter SWEEPS = 2,           // sweeps of a pass: the fan-out, 1..
    parameter ENTRIES = 2,          // patterns kept: 1 for all sweeps, SWEEPS one each, SWEEPS * DEPTH one each cycle
    parameter DITHER = 1,           // 0: lane l always takes from memory l, whatever is written
    // what follows from the others
    parameter ROW = (DEPTH > 1) ? $clog2(DEPTH) : 1,            // bits of a row
    parameter MEMORY = (LANES > 1) ? $clog2(LANES) : 1,         // bits of a memory's number
    parameter ENTRY = (ENTRIES > 1) ? $clog2(ENTRIES) : 1       // bits of an entry's number
) (
    input  wire                    clk,
    input  wire                    write,
    input  wire [ENTRY-1:0]        write_entry,
    input  wire [LANES*ROW-1:0]    write_rows,      // where each memory starts to count up
    input  wire [LANES*MEMORY-1:0] write_memories,  // that each lane takes from; a permutation
    input  wire                    begin_pass,      // the next step is the first of a pass
    input  wire                    step,
    output wire [LANES*ROW-1:0]    rows,            // of each memory
    output wire [LANES*MEMORY-1:0] memories         // of each lane
);
    localparam EACH_CYCLE = ENTRIES == SWEEPS * DEPTH;
    localparam LAST_ROW = DEPTH - 1;
    localparam LAST_ENTRY = ENTRIES - 1;

    reg [LANES*ROW-1:0] starts [0:ENTRIES-1];
    reg [ENTRY-1:0] entry_q;
    reg [ROW-1:0] offset_q;

    wire sweep_ends = EACH_CYCLE || (offset_q == LAST_ROW[ROW-1:0]);
    wire [LANES*ROW-1:0] start = starts[entry_q];

    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : memory
            wire [ROW:0] sum = {1'b0, start[l*ROW +: ROW]} + {1'b0, offset_q};
            wire over = sum > {1'b0, LAST_ROW[ROW-1:0]};
            assign rows[l*ROW +: ROW] = over ? sum[ROW-1:0] - DEPTH[ROW-1:0] : sum[ROW-1:0];
        end
        if (ENTRIES != 1 && ENTRIES != SWEEPS && ENTRIES != SWEEPS * DEPTH) begin : check_entries
            ENTRIES_must_be_1_or_the_fan_out_or_the_cycles_of_a_pass refused ();
        end
        if (DITHER != 0) begin : dithered
            reg [LANES*MEMORY-1:0] dealt [0:ENTRIES-1];
            assign memories = dealt[entry_q];
            always @(posedge clk)
                if (write)
                    dealt[write_entry] <= write_memories;
        end else begin : plain
            for (l = 0; l < LANES; l = l + 1) begin : lane
                localparam [MEMORY-1:0] OWN = l;
                assign memories[l*MEMORY +: MEMORY] = OWN;
            end
            wire unused = &{1'b0, write_memories};
        end
    endgenerate

    always @(posedge clk) begin
        if (write)
            starts[write_entry] <= write_rows;
        if (begin_pass) begin
            entry_q <= {ENTRY{1'b0}};
            offset_q <= {ROW{1'b0}};
        end else if (step) begin
            offset_q <= sweep_ends ? {ROW{1'b0}} : offset_q + 1'b1;
            if (sweep_ends)
                entry_q <= (entry_q == LAST_ENTRY[ENTRY-1:0]) ? {ENTRY{1'b0}} : entry_q + 1'b1;
        end
    end
endmodule

`default_nettype wire

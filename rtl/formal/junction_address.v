// SPDX-License-Identifier: Apache-2.0
// What is proved of fabric_junction_address: loaded with any valid pattern and stepped at any time, it never asks a
// memory for two words in one cycle, and in every sweep it asks every memory for each of its rows once. After a pass it is
// where it began, so what holds for two passes holds for all.
`default_nettype none

module junction_address #(
    parameter LANES = 4,
    parameter DEPTH = 2,
    parameter SWEEPS = 2,
    parameter ENTRIES = 2,
    parameter DITHER = 1,
    parameter ROW = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter MEMORY = (LANES > 1) ? $clog2(LANES) : 1,
    parameter ENTRY = (ENTRIES > 1) ? $clog2(ENTRIES) : 1
) (
    input wire clk,
    input wire begin_pass,
    input wire step
);
    localparam EACH_CYCLE = ENTRIES == SWEEPS * DEPTH;
    localparam PASS = SWEEPS * DEPTH;

    // Any pattern at all ...
    (* anyconst *) reg [ENTRIES*LANES*ROW-1:0] rows_of;
    (* anyconst *) reg [ENTRIES*LANES*MEMORY-1:0] memories_of;

    // ... is loaded entry by entry ...
    reg [7:0] loading = 8'd0;
    wire loaded = loading == ENTRIES;
    always @(posedge clk)
        if (!loaded)
            loading <= loading + 8'd1;

    wire [LANES*ROW-1:0] rows;
    wire [LANES*MEMORY-1:0] memories;
    fabric_junction_address #(
        .LANES(LANES), .DEPTH(DEPTH), .SWEEPS(SWEEPS), .ENTRIES(ENTRIES), .DITHER(DITHER), .ROW(ROW), .MEMORY(MEMORY),
        .ENTRY(ENTRY)
    ) addresses (
        .clk(clk), .write(!loaded), .write_entry(loading[ENTRY-1:0]),
        .write_rows(rows_of[loading*LANES*ROW +: LANES*ROW]),
        .write_memories(memories_of[loading*LANES*MEMORY +: LANES*MEMORY]), .begin_pass(begin_pass), .step(step),
        .rows(rows), .memories(memories)
    );

    // ... and then used: where the pass is, and which rows of each memory this sweep has read.
    reg running = 1'b0;
    reg wrapped = 1'b0;
    reg [7:0] cycle = 8'd0;
    reg [7:0] in_sweep = 8'd0;
    reg [LANES*DEPTH-1:0] seen = {(LANES * DEPTH){1'b0}};
    reg [LANES*ROW-1:0] first_rows;
    reg [LANES*MEMORY-1:0] first_memories;
    wire active = loaded && running;
    integer i, k, e;

    always @* begin
        // The pattern is valid: memories are dealt as a permutation, rows exist, and where every cycle has an entry of
        // its own, those of a sweep name each row of a memory once.
        for (e = 0; e < ENTRIES; e = e + 1)
            for (i = 0; i < LANES; i = i + 1) begin
                assume (rows_of[(e*LANES+i)*ROW +: ROW] < DEPTH);
                assume (memories_of[(e*LANES+i)*MEMORY +: MEMORY] < LANES);
                for (k = 0; k < i; k = k + 1)
                    assume (memories_of[(e*LANES+i)*MEMORY +: MEMORY] != memories_of[(e*LANES+k)*MEMORY +: MEMORY]);
                if (EACH_CYCLE)
                    for (k = e - e % DEPTH; k < e; k = k + 1)
                        assume (rows_of[(e*LANES+i)*ROW +: ROW] != rows_of[(k*LANES+i)*ROW +: ROW]);
            end
        // A new pass begins when the one before is complete.
        assume (!begin_pass || (loaded && (!running || cycle == 8'd0)));

        if (active)
            for (i = 0; i < LANES; i = i + 1) begin
                // No clash: no two lanes take from one memory, and the memory exists.
                assert (memories[i*MEMORY +: MEMORY] < LANES);
                for (k = 0; k < i; k = k + 1)
                    assert (memories[i*MEMORY +: MEMORY] != memories[k*MEMORY +: MEMORY]);
                // Every row of a memory once in a sweep.
                assert (rows[i*ROW +: ROW] < DEPTH);
                assert (!seen[i*DEPTH + rows[i*ROW +: ROW]]);
            end
        // After a pass the generator is where it began.
        if (active && wrapped && cycle == 8'd0) begin
            assert (rows == first_rows);
            assert (memories == first_memories);
        end
    end

    always @(posedge clk) begin
        if (begin_pass) begin
            running <= 1'b1;
            cycle <= 8'd0;
            in_sweep <= 8'd0;
            seen <= {(LANES * DEPTH){1'b0}};
        end else if (active && step) begin
            cycle <= (cycle == PASS - 1) ? 8'd0 : cycle + 8'd1;
            in_sweep <= (in_sweep == DEPTH - 1) ? 8'd0 : in_sweep + 8'd1;
            for (i = 0; i < LANES; i = i + 1)
                seen[i*DEPTH + rows[i*ROW +: ROW]] <= 1'b1;
            if (in_sweep == DEPTH - 1)
                seen <= {(LANES * DEPTH){1'b0}};
            if (cycle == 8'd0) begin
                first_rows <= rows;
                first_memories <= memories;
                wrapped <= 1'b1;
            end
        end
        cover (active && wrapped && cycle == 8'd0);
    end
endmodule

`default_nettype wire

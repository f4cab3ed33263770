// SPDX-License-Identifier: Apache-2.0
// Blocks of the junction machine: which sample is where, when the next block begins and what it waits for.
// Latency 1 from the end of a block, or from what it waits for, to the first cycle of the next one.
`default_nettype none

module fabric_junction_schedule #(
    parameter JUNCTIONS = 2,                    // 1..8
    parameter CYCLES = 8,                       // of the slowest junction, 1..
    // what follows from the others
    parameter STAGES = 2 * JUNCTIONS,           // blocks of a sample that trains
    parameter TIME = $clog2(CYCLES + 2) + 1     // bits of the cycle within a block
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              start,         // a run begins
    input  wire              train,         // in this run samples go backward, too
    input  wire              sequential,    // a sample enters when the one before is done
    input  wire              more,          // samples have not entered yet
    input  wire              loaded,        // the inputs of the next one are here
    input  wire              room,          // its targets are here, and its outputs have a place
    output wire              admit,         // the next block takes a new sample
    output wire              next_block,    // begins with the next cycle
    output reg               running_q,
    output reg               in_block_q,
    output reg  [TIME-1:0]   cycle_q,       // of the block
    output reg  [STAGES-1:0] stages_q,      // bit k: a sample in its k-th block, forward in junction k, backward in
                                            // junction STAGES - 1 - k
    output wire              counting       // from the first block of a run to the end of the last
);
    localparam LAST = CYCLES + 1;

    reg begun_q;
    // Samples that go on after this block: all but those at their end.
    wire [STAGES-1:0] onward = {stages_q[STAGES-2:0], 1'b0} & {{JUNCTIONS{train}}, {JUNCTIONS{1'b1}}};
    assign admit = more && (!sequential || (onward == {STAGES{1'b0}}));
    wire [STAGES-1:0] next_stages = onward | {{(STAGES - 1){1'b0}}, admit};
    wire ends = in_block_q && (cycle_q == LAST[TIME-1:0]);
    wire boundary = running_q && (ends || !in_block_q);
    wire empty = next_stages == {STAGES{1'b0}};
    wire ready = (!admit || loaded) && (!next_stages[JUNCTIONS-1] || room);
    wire finished = boundary && empty;
    assign next_block = boundary && !empty && ready;
    assign counting = in_block_q || (begun_q && running_q);

    always @(posedge clk) begin
        if (rst) begin
            running_q <= 1'b0;
            in_block_q <= 1'b0;
            begun_q <= 1'b0;
            stages_q <= {STAGES{1'b0}};
        end else begin
            running_q <= start || (running_q && !finished);
            in_block_q <= next_block || (in_block_q && !ends);
            begun_q <= next_block || (begun_q && running_q);
            if (next_block || finished)
                stages_q <= next_stages;
        end
        cycle_q <= next_block ? {TIME{1'b0}} : cycle_q + 1'b1;
    end
endmodule

`default_nettype wire

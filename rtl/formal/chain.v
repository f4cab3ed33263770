// SPDX-License-Identifier: Apache-2.0
// Proof harness: fabric_chain_in takes exactly count groups of last + 1 beats, never a beat of the next group before the
// full one is taken, and is full exactly when a whole group is in.
`default_nettype none

module chain (
    input wire       clk,
    input wire       rst,
    input wire       begin_run,
    input wire [1:0] last,
    input wire [2:0] count,
    input wire       valid,
    input wire       take
);
    wire ready, full;
    wire [1:0] place, group;

    fabric_chain_in #(.LENGTH(2), .COUNT(3)) dut (
        .clk(clk), .rst(rst), .begin_run(begin_run), .last(last), .count(count), .valid(valid), .ready(ready),
        .take(take), .full_q(full), .place_q(place), .group_q(group)
    );

    reg begun = 1'b0;
    reg running_q;
    reg [1:0] last_q;
    reg [2:0] beats_q;              // of the group that is coming in
    reg [2:0] groups_q;             // complete
    reg [2:0] taken_q;
    reg [2:0] count_q;

    always @(posedge clk) begin
        begun <= 1'b1;
        if (!begun)
            assume (rst);
        assume (!take || full);
        if (rst) begin
            running_q <= 1'b0;
        end else if (begin_run) begin
            running_q <= 1'b1;
            last_q <= last;
            count_q <= count;
            beats_q <= 3'd0;
            groups_q <= 3'd0;
            taken_q <= 3'd0;
        end else if (running_q) begin
            if (valid && ready) begin
                beats_q <= (beats_q == {1'b0, last_q}) ? 3'd0 : beats_q + 3'd1;
                if (beats_q == {1'b0, last_q})
                    groups_q <= groups_q + 3'd1;
            end
            if (take)
                taken_q <= taken_q + 3'd1;
        end
        if (begun && !rst && !begin_run && running_q) begin
            assert (full == (groups_q != taken_q));
            assert (groups_q - taken_q <= 3'd1);
            assert (groups_q <= count_q);
            assert (place == last_q - beats_q[1:0]);
            assert (group == groups_q[1:0]);
            if (valid && ready)
                assert (groups_q != count_q && (!full || take));
            if (groups_q == count_q)
                assert (!ready);
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Counts of the present or last run: its cycles, those in which each unit works, in which weights are written, in which
// the next step waits, and what is clipped. Latency 2; of what is clipped 1.
`default_nettype none

module fabric_statistics #(
    parameter SATURATIONS = 0       // 1: count what is clipped
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        started,     // a command begins
    input  wire        run,         // it is a run
    input  wire        running,
    input  wire        enable,      // the machine is not frozen
    input  wire        go,          // a step begins
    input  wire        under_way,   // one has begun
    input  wire        forward,
    input  wire        backward,    // the update unit works in the same cycles
    input  wire        update,      // weights are written
    input  wire        placed,      // the sums of the backward unit are deltas
    input  wire [67:0] clips,       // elements that clip a weight, a delta, an error, an activation, 17 bits each
    output reg         counted_q,   // the cycle before is counted in this one
    output wire [31:0] cycles,
    output wire [31:0] forwards,
    output wire [31:0] backwards,
    output wire [31:0] waits,
    output wire [31:0] updates,
    output wire [31:0] clipped_activations,     // zero unless SATURATIONS = 1
    output wire [31:0] clipped_errors,
    output wire [31:0] clipped_deltas,
    output wire [31:0] clipped_weights
);
    reg counting_q, begun_q;
    reg forward_q, backward_q, update_q, waiting_q;     // in the cycle before
    reg [31:0] updates_q;
    wire clear = rst || (started && run);

    always @(posedge clk) begin
        if (rst)
            counting_q <= 1'b0;
        else if (started)
            counting_q <= run;
        if (rst || started)
            begun_q <= 1'b0;
        else
            begun_q <= go || (begun_q && running);
        counted_q <= counting_q && (go || under_way || begun_q);
        forward_q <= forward && enable;
        backward_q <= backward && enable;
        update_q <= update && enable;
        waiting_q <= running && begun_q && !go;
        if (clear)
            updates_q <= 32'd0;
        else if (counted_q)
            updates_q <= updates_q + {31'd0, update_q};
    end
    assign updates = updates_q;

    fabric_counters counters (
        .clk(clk), .rst(rst), .clear(clear), .counting(counted_q), .forward(forward_q), .backward(backward_q),
        .waiting(waiting_q), .cycles_q(cycles), .forward_q(forwards), .backward_q(backwards), .waiting_q(waits)
    );

    generate
        if (SATURATIONS != 0) begin : saturations
            reg [31:0] activations_q;
            reg [31:0] errors_q;
            reg [31:0] deltas_q;
            reg [31:0] weights_q;
            always @(posedge clk) begin
                if (clear) begin
                    activations_q <= 32'd0;
                    errors_q <= 32'd0;
                    deltas_q <= 32'd0;
                    weights_q <= 32'd0;
                end else if (counting_q) begin
                    if (enable) begin
                        activations_q <= activations_q + {15'd0, clips[16:0]};
                        if (placed)
                            deltas_q <= deltas_q + {15'd0, clips[50:34]};
                        if (update)
                            weights_q <= weights_q + {15'd0, clips[67:51]};
                    end
                    if (!started)
                        errors_q <= errors_q + {15'd0, clips[33:17]};
                end
            end
            assign clipped_activations = activations_q;
            assign clipped_errors = errors_q;
            assign clipped_deltas = deltas_q;
            assign clipped_weights = weights_q;
        end else begin : no_saturations
            assign clipped_activations = 32'd0;
            assign clipped_errors = 32'd0;
            assign clipped_deltas = 32'd0;
            assign clipped_weights = 32'd0;
            wire unused = &{1'b0, placed, clips};
        end
    endgenerate
endmodule

`default_nettype wire

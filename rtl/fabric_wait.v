// SPDX-License-Identifier: Apache-2.0
// What waits for what: whether the next step may begin, and when a result goes to the output chain and to the error
// calculator. Latency 0.
`default_nettype none

module fabric_wait #(
    parameter PIPELINE = 0      // 0: the whole machine waits; else results wait in a register, and steps before they begin
) (
    input  wire clk,
    input  wire rst,
    input  wire started,        // a command begins in this cycle
    input  wire running,
    input  wire emit,           // results are sent out
    input  wire train,          // a target for each sample
    input  wire pass,           // targets are deltas already
    // chains and error calculator
    input  wire input_full,
    input  wire target_full,
    input  wire output_free,
    input  wire load_delta,     // the delta is taken
    output wire input_there,
    output wire error_there,    // the delta of an output
    output wire error_take,     // the error calculator takes a target, and a result if that is no delta
    output wire output_load,    // the output chain takes a result or a weight
    output wire output_held,    // a result that has waited
    // a step that begins
    input  wire say_go,
    input  wire say_result,     // and ends with a result
    input  wire say_leaving,    // and ends with a delta that leaves the torus
    input  wire say_load,
    input  wire say_dump,
    output wire result_full,    // no room for what the next step would make
    // steps under way
    input  wire next_go,
    input  wire next_dump,
    input  wire mul_go,
    input  wire mul_load,
    input  wire mul_dump,
    input  wire write_load,
    input  wire result,         // the sums of this cycle are results
    input  wire leaving,        // they are deltas that leave the torus
    output wire enable,         // the machine is not frozen
    output wire under_way,
    output wire settled         // nothing is under way, nor is a result waiting
);
    wire scored = train && !pass;       // the error calculator takes results
    reg error_full_q;

    generate
        if (PIPELINE == 0) begin : at_once
            // The whole machine waits with a result until its target is there and until the chain that takes it, if
            // only for the error calculator, has sent what it holds.
            reg error_due_q;
            assign enable = !(result && scored && !target_full) && !((result || leaving || mul_dump) && !output_free);
            assign output_load = enable && ((result && emit) || leaving || mul_dump);
            assign output_held = 1'b0;
            assign error_take = pass ? (train && target_full && !error_full_q && running) : error_due_q;
            assign input_there = input_full && !mul_load;
            assign error_there = error_full_q;
            assign result_full = 1'b0;
            assign under_way = mul_go;
            assign settled = !under_way && !error_due_q;
            always @(posedge clk)
                error_due_q <= !rst && !started && enable && result && scored;
            wire unused = &{1'b0, say_go, say_result, say_leaving, say_load, say_dump, next_go, next_dump, write_load};
        end else begin : in_time
            // A result waits in a register of its own for target and output chain. A step that would make the next one
            // is not begun before this one is gone.
            reg to_send_q, to_score_q;          // such a step has begun, its result is not gone
            reg sends_q, scores_q;              // its result waits
            reg loading_q;
            wire [1:0] later;
            wire error_room = target_full && (!error_full_q || load_delta);
            assign enable = 1'b1;
            assign output_held = sends_q && output_free;
            assign output_load = output_held || mul_dump;
            assign error_take = pass ? (train && target_full && !error_full_q && running) : (scores_q && error_room);
            assign input_there = input_full && !loading_q;
            assign error_there = error_full_q || error_take;
            assign result_full = (to_send_q && !output_held) || (to_score_q && !error_take)
                || (say_dump && (!output_free || (next_go && next_dump) || mul_dump));
            assign under_way = next_go || mul_go || later[0] || later[1];
            assign settled = !under_way && !sends_q && !scores_q;
            fabric_delay #(.WIDTH(2), .STAGES(1)) steps_later (
                .clk(clk), .rst(rst), .enable(1'b1), .in({later[0], mul_go}), .out(later)
            );
            always @(posedge clk) begin
                if (rst || started) begin
                    to_send_q <= 1'b0;
                    to_score_q <= 1'b0;
                    sends_q <= 1'b0;
                    scores_q <= 1'b0;
                    loading_q <= 1'b0;
                end else begin
                    to_send_q <= (say_go && ((say_result && emit) || say_leaving)) || (to_send_q && !output_held);
                    to_score_q <= (say_go && say_result && scored) || (to_score_q && !error_take);
                    sends_q <= (result && emit) || leaving || (sends_q && !output_held);
                    scores_q <= (result && scored) || (scores_q && !error_take);
                    loading_q <= (say_go && say_load) || (loading_q && !write_load);
                end
            end
            wire unused = mul_load;
        end
    endgenerate

    always @(posedge clk) begin
        if (rst || started)
            error_full_q <= 1'b0;
        else
            error_full_q <= error_take || (error_full_q && !load_delta);
    end
endmodule

`default_nettype wire

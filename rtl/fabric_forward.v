// SPDX-License-Identifier: Apache-2.0
// Forward unit: inputs pass by, the sum of a neuron stays (ClosNets, figure 8). Latency 1 a multiply-accumulate, and
// PIPELINE cycles more.
`default_nettype none

module fabric_forward #(
    parameter WORD = 9,                 // bits of an operand
    parameter ACC = 24,                 // bits of the sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter SIGMOID = 1,              // 0 leaves the sigmoid out
    parameter PIPELINE = 0,             // registers: 1 behind the product, 2 also behind the rounded sum
    parameter TABLE = "sigmoid.hex"
) (
    input  wire            clk,
    input  wire            enable,
    // when an operand is multiplied, and the cycle before
    input  wire            load,        // take a new operand from the input chain
    input  wire            take,        // take a new operand from the results (PIPELINE = 2)
    input  wire            run,         // pass the operand on
    input  wire [WORD-1:0] weight,
    input  wire [WORD-1:0] loaded,
    input  wire [WORD-1:0] taken,
    input  wire [WORD-1:0] incoming,    // operand of the neighbour that comes before on the ring
    output reg  [WORD-1:0] operand_q,
    // when its product is added, and the cycle before
    input  wire            begins,      // the next product is the first of a sum
    input  wire [1:0]      begins_scale,
    input  wire            add,
    input  wire            complete,    // the last product of a sum is being added
    input  wire [1:0]      scale,
    output wire            clips,       // the rounded sum is no activation
    // when the sum is an activation
    input  wire            done,
    input  wire            last,        // and becomes the next operand (PIPELINE = 0, 1)
    input  wire            present,     // this PE computes a neuron; if not, its activation is zero
    input  wire [1:0]      kind,        // activation function
    output reg  [WORD-1:0] activation   // means something where done
);
    localparam [ACC-1:0] HALF = {{(ACC - 1){1'b0}}, 1'b1} << (SHIFT - 1);

    reg signed [ACC-1:0] sum_q;         // with one half of the activation's last bit, for rounding
    wire signed [2*WORD-1:0] product;
    wire signed [ACC-1:0] sum = sum_q + {{(ACC - 2 * WORD){product[2*WORD-1]}}, product};
    wire [WORD-1:0] truncated;
    wire [WORD-1:0] rounded;
    wire [WORD-1:0] activated;

    fabric_truncate #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) truncate (
        .in(sum), .scale(scale), .used(complete), .out(truncated), .clips(clips)
    );
    fabric_activation #(.WORD(WORD), .FRACTION(FRACTION), .SIGMOID(SIGMOID), .TABLE(TABLE)) function_of (
        .in(rounded), .kind(kind), .used(done), .out(activated)
    );
    always @* begin
        if (done)
            activation = present ? activated : {WORD{1'b0}};
        else
            activation = {WORD{1'bx}};
    end

    generate
        if (PIPELINE == 0) begin : at_once
            assign product = $signed(weight) * $signed(operand_q);
        end else begin : registered
            reg signed [2*WORD-1:0] product_q;
            always @(posedge clk)
                product_q <= $signed(weight) * $signed(operand_q);
            assign product = product_q;
        end
        if (PIPELINE < 2) begin : same_cycle
            assign rounded = truncated;
            wire unused = &{1'b0, take, taken};
        end else begin : next_cycle
            reg [WORD-1:0] rounded_q;
            always @(posedge clk) begin
                if (complete)
                    rounded_q <= truncated;
            end
            assign rounded = rounded_q;
        end
    endgenerate

    always @(posedge clk) begin
        if (enable) begin
            if (begins)
                sum_q <= HALF << begins_scale;
            else if (add)
                sum_q <= sum;
            if (load)
                operand_q <= loaded;
            else if (PIPELINE == 2 ? take : last)
                operand_q <= (PIPELINE == 2) ? taken : activation;
            else if (run)
                operand_q <= incoming;
        end
    end
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// Backward sums of the left neurons of one memory: one product a cycle is added to the sum of its row; the last product
// of a row makes the delta, rounded and multiplied by the derivative. Latency 1 from the row to the sum it holds.
`default_nettype none

module fabric_junction_sum #(
    parameter WORD = 9,                 // bits of an operand
    parameter ACC = 24,                 // bits of a sum, wide enough never to overflow
    parameter SHIFT = 7,                // fraction bits of a weight operand
    parameter FRACTION = 5,             // fraction bits of an activation
    parameter DEPTH = 2,                // rows, 1..
    parameter FUNCTION = 2,             // of the left neurons: 0 identity, 1 ReLU, 2 sigmoid
    parameter TABLE = "derivative.hex", // a (1 - a) with SHIFT fraction bits for a = 0 .. 2^FRACTION
    // what follows from the others
    parameter ROW = (DEPTH > 1) ? $clog2(DEPTH) : 1     // bits of a row
) (
    input  wire              clk,
    // first cycle
    input  wire              read,
    input  wire [ROW-1:0]    read_row,
    input  wire [WORD-1:0]   own,           // activation of the neuron in this row
    // second cycle
    input  wire              run,
    input  wire              first,         // first product of the row
    input  wire [ROW-1:0]    row,
    input  wire [2*WORD-1:0] product,
    output wire [WORD-1:0]   delta          // valid with the last product of the row
);
    reg [ACC-1:0] written_q;
    reg written_now_q;      // the row read is the one just written: its sum is not in the memory yet

    wire [ACC-1:0] stored;
    wire [ACC-1:0] held = first ? {ACC{1'b0}} : written_now_q ? written_q : stored;
    wire [ACC-1:0] sum = held + {{(ACC - 2 * WORD){product[2*WORD-1]}}, product};
    wire [WORD-1:0] rounded;

    fabric_ram #(.WIDTH(ACC), .DEPTH(1 << ROW), .ADDRESS(ROW)) sums (
        .clk(clk), .read_enable(read), .read_address(read_row), .read_data(stored),
        .write_enable(run), .write_address(row), .write_data(sum)
    );
    fabric_round #(.IN(ACC), .OUT(WORD), .SHIFT(SHIFT)) round (.in(sum), .scale(2'd0), .out(rounded));

    always @(posedge clk) begin
        written_q <= sum;
        written_now_q <= run && (row == read_row);
    end

    generate
        if (FUNCTION == 2) begin : sigmoid
            reg [WORD-1:0] slope [0:(1 << FRACTION)];
            reg [WORD-1:0] slope_q;
            initial $readmemh(TABLE, slope);
            always @(posedge clk)
                slope_q <= slope[own[FRACTION:0]];
            wire signed [2*WORD-1:0] scaled = $signed(rounded) * $signed(slope_q);
            fabric_round #(.IN(2 * WORD), .OUT(WORD), .SHIFT(SHIFT)) round_again (
                .in(scaled), .scale(2'd0), .out(delta)
            );
            if (FRACTION < WORD - 1) begin : narrow
                wire unused = &{1'b0, own[WORD-1:FRACTION+1]};
            end
        end else if (FUNCTION == 1) begin : rectifier
            reg active_q;
            always @(posedge clk)
                active_q <= !own[WORD-1] && (own != {WORD{1'b0}});
            assign delta = active_q ? rounded : {WORD{1'b0}};
        end else begin : identity
            assign delta = rounded;
            wire unused = &{1'b0, own};
        end
    endgenerate
endmodule

`default_nettype wire

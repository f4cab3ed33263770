// SPDX-License-Identifier: Apache-2.0
// Additions and subtractions to carry chains: one logic element a bit, one more where a carry enters from logic or
// leaves to it. A constant carry at the beginning of a chain costs nothing.
(* techmap_celltype = "$alu" *)
module arithmetic (A, B, CI, BI, X, Y, CO);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    parameter _TECHMAP_CONSTMSK_CI_ = 0;
    parameter _TECHMAP_CONSTMSK_BI_ = 0;
    parameter _TECHMAP_CONSTVAL_BI_ = 0;
    (* force_downto *)
    input [A_WIDTH-1:0] A;
    (* force_downto *)
    input [B_WIDTH-1:0] B;
    input CI;
    input BI;
    (* force_downto *)
    output [Y_WIDTH-1:0] X;
    (* force_downto *)
    output [Y_WIDTH-1:0] Y;
    (* force_downto *)
    output [Y_WIDTH-1:0] CO;

    localparam SUBTRACT = _TECHMAP_CONSTMSK_BI_ && _TECHMAP_CONSTVAL_BI_;
    wire [Y_WIDTH-1:0] a;
    wire [Y_WIDTH-1:0] b;
    wire [Y_WIDTH-1:0] addend = _TECHMAP_CONSTMSK_BI_ ? b : b ^ {Y_WIDTH{BI}};
    wire [Y_WIDTH:0] carry;
    \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
    \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));

    genvar i;
    generate
        if (_TECHMAP_CONSTMSK_CI_)
            assign carry[0] = CI;
        else
            le_arithmetic #(.SUM(8'h00), .CARRY(8'hAA)) enter (.a(CI), .b(1'b0), .cin(1'b0), .sum(), .cout(carry[0]));
        for (i = 0; i < Y_WIDTH; i = i + 1) begin : bit
            le_arithmetic #(.SUM(SUBTRACT ? 8'h69 : 8'h96), .CARRY(SUBTRACT ? 8'hB2 : 8'hE8)) add (
                .a(a[i]), .b(addend[i]), .cin(carry[i]), .sum(Y[i]), .cout(carry[i+1])
            );
            if (i + 1 < Y_WIDTH)
                assign CO[i] = Y[i+1] ^ X[i+1];
        end
    endgenerate
    le_arithmetic #(.SUM(8'hF0), .CARRY(8'h00)) leave (
        .a(1'b0), .b(1'b0), .cin(carry[Y_WIDTH]), .sum(CO[Y_WIDTH-1]), .cout()
    );
    assign X = SUBTRACT ? a ^ ~addend : a ^ addend;
endmodule

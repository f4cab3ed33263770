// SPDX-License-Identifier: Apache-2.0
// Signed products of up to 9 bits to half a multiplier block, of up to 18 bits to a whole one.
(* techmap_celltype = "$mul" *)
module multiply (A, B, Y);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;

    localparam SIDE = (A_WIDTH > 9 || B_WIDTH > 9) ? 18 : 9;
    wire _TECHMAP_FAIL_ = !A_SIGNED || !B_SIGNED || A_WIDTH > 18 || B_WIDTH > 18 || Y_WIDTH > 2 * SIDE;
    wire [SIDE-1:0] a = {{SIDE{A[A_WIDTH-1]}}, A};
    wire [SIDE-1:0] b = {{SIDE{B[B_WIDTH-1]}}, B};
    wire [2*SIDE-1:0] product;

    generate
        if (SIDE == 9)
            multiplier_9x9 half (.a(a), .b(b), .product(product));
        else
            multiplier_18x18 whole (.a(a), .b(b), .product(product));
    endgenerate
    assign Y = product;
endmodule

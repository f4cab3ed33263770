// SPDX-License-Identifier: Apache-2.0
// Tables of up to four inputs and registers to the two halves of a logic element.
(* techmap_celltype = "$lut" *)
module table_of_four (A, Y);
    parameter WIDTH = 1;
    parameter LUT = 0;
    (* force_downto *)
    input [WIDTH-1:0] A;
    output Y;

    localparam SIZE = 1 << WIDTH;
    localparam [SIZE-1:0] ONE = LUT;
    localparam [15:0] MASK = {(16 / SIZE){ONE}};
    wire [3:0] all = A;
    wire _TECHMAP_FAIL_ = WIDTH > 4;
    le_lut #(.MASK(MASK)) _TECHMAP_REPLACE_ (.a(all[0]), .b(all[1]), .c(all[2]), .d(all[3]), .y(Y));
endmodule

module \$_DFF_P_ (input C, input D, output Q);
    le_register _TECHMAP_REPLACE_ (.clk(C), .ena(1'b1), .sclr(1'b0), .sload(1'b0), .asdata(1'b0), .d(D), .q(Q));
endmodule

module \$_DFFE_PP_ (input C, input E, input D, output Q);
    le_register _TECHMAP_REPLACE_ (.clk(C), .ena(E), .sclr(1'b0), .sload(1'b0), .asdata(1'b0), .d(D), .q(Q));
endmodule

module \$_SDFF_PP0_ (input C, input R, input D, output Q);
    le_register _TECHMAP_REPLACE_ (.clk(C), .ena(1'b1), .sclr(R), .sload(1'b0), .asdata(1'b0), .d(D), .q(Q));
endmodule

module \$_SDFFCE_PP0P_ (input C, input R, input E, input D, output Q);
    le_register _TECHMAP_REPLACE_ (.clk(C), .ena(E), .sclr(R), .sload(1'b0), .asdata(1'b0), .d(D), .q(Q));
endmodule

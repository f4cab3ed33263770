// SPDX-License-Identifier: Apache-2.0
// A choice of four in two logic elements: the first takes the second half's choice through where that half is chosen.
module \$_MUX4_ (input A, input B, input C, input D, input S, input T, output Y);
    wire through;
    \$lut #(.WIDTH(4), .LUT(16'hF0CA)) first (.A({T, S, B, A}), .Y(through));      // T ? S : S ? B : A
    \$lut #(.WIDTH(4), .LUT(16'hE4AA)) second (.A({T, D, C, through}), .Y(Y));     // T ? (through ? D : C) : through
endmodule

// SPDX-License-Identifier: Apache-2.0
// Divide by 2^(SHIFT + scale), round half up, saturate to OUT bits. Combinational.
`default_nettype none

module fabric_round #(
    parameter IN = 24,      // bits of the signed input, > OUT
    parameter OUT = 9,      // bits of the signed output
    parameter SHIFT = 7     // fraction bits dropped at scale 0, 1..
) (
    input  wire [IN-1:0]  in,
    input  wire [1:0]     scale,  // drop that many bits more
    output wire [OUT-1:0] out
);
    localparam KEPT = (IN - SHIFT + 1 > OUT) ? IN - SHIFT + 1 : OUT;

    // One bit below the result is kept: adding one there and dropping it rounds half up.
    wire signed [IN-1:0] shifted = $signed(in) >>> (SHIFT - 1);
    wire signed [KEPT-1:0] kept = shifted[KEPT-1:0];    // the bits above are copies of its sign
    wire signed [KEPT-1:0] scaled = kept >>> scale;
    wire signed [KEPT:0] rounded = $signed({scaled[KEPT-1], scaled}) + $signed({{KEPT{1'b0}}, 1'b1});
    wire fits = (rounded[KEPT:OUT] == {(KEPT - OUT + 1){1'b0}}) || (rounded[KEPT:OUT] == {(KEPT - OUT + 1){1'b1}});

    assign out = fits ? rounded[OUT:1] : {rounded[KEPT], {(OUT - 1){~rounded[KEPT]}}};

    wire unused = &{1'b0, shifted, rounded[0]};
endmodule

`default_nettype wire

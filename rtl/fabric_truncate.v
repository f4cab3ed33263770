// SPDX-License-Identifier: Apache-2.0
// Divide by 2^(SHIFT + scale), round down, saturate to OUT bits: a sum that began at one half is so rounded to nearest,
// half up. Combinational.
`default_nettype none

module fabric_truncate #(
    parameter IN = 24,      // bits of the signed input, > OUT
    parameter OUT = 9,      // bits of the signed output
    parameter SHIFT = 7     // fraction bits dropped at scale 0, 1..IN-1
) (
    input  wire [IN-1:0]  in,
    input  wire [1:0]     scale,    // drop that many bits more
    output wire [OUT-1:0] out
);
    localparam KEPT = (IN - SHIFT > OUT) ? IN - SHIFT : OUT + 1;

    wire signed [IN-1:0] shifted = $signed(in) >>> SHIFT;
    wire signed [KEPT-1:0] kept = shifted[KEPT-1:0];    // the bits above are copies of its sign
    wire signed [KEPT-1:0] scaled = kept >>> scale;

    wire clips = (scaled[KEPT-1:OUT-1] != {(KEPT - OUT + 1){1'b0}})
        && (scaled[KEPT-1:OUT-1] != {(KEPT - OUT + 1){1'b1}});
    assign out = clips ? {scaled[KEPT-1], {(OUT - 1){~scaled[KEPT-1]}}} : scaled[OUT-1:0];

    wire unused = &{1'b0, shifted};
endmodule

`default_nettype wire

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
    input  wire           used,     // what comes out without it means nothing: a simulator need not calculate it
    output reg  [OUT-1:0] out,
    output wire           clips
);
    // A build that cannot work names a module that does not exist.
    generate
        if ((IN <= OUT) || (SHIFT < 1) || (SHIFT >= IN)) begin : wrong_widths
            IN_must_exceed_OUT_and_SHIFT refused ();
        end
    endgenerate

    localparam KEPT = (IN - SHIFT > OUT) ? IN - SHIFT : OUT + 1;

    reg signed [IN-1:0] shifted;
    reg signed [KEPT-1:0] scaled;

    always @* begin
        shifted = {IN{1'bx}};
        scaled = {KEPT{1'bx}};
        out = {OUT{1'bx}};
        if (used) begin
            shifted = $signed(in) >>> SHIFT;
            scaled = $signed(shifted[KEPT-1:0]) >>> scale;      // the bits above are copies of its sign
            if ((scaled[KEPT-1:OUT-1] == {(KEPT - OUT + 1){1'b0}})
                || (scaled[KEPT-1:OUT-1] == {(KEPT - OUT + 1){1'b1}}))
                out = scaled[OUT-1:0];
            else
                out = {scaled[KEPT-1], {(OUT - 1){~scaled[KEPT-1]}}};
        end
    end

    assign clips = used && (scaled[KEPT-1:OUT-1] != {(KEPT - OUT + 1){1'b0}})
        && (scaled[KEPT-1:OUT-1] != {(KEPT - OUT + 1){1'b1}});

    wire unused = &{1'b0, shifted};
endmodule

`default_nettype wire

// SPDX-License-Identifier: Apache-2.0
// The memory blocks that m9k.txt describes. Their addresses count bits: words of up to 9 lie 8 apart, and so on.
module \$__M9K (
    CLK_C, PORT_W_CLK, PORT_W_ADDR, PORT_W_WR_DATA, PORT_W_WR_EN, PORT_R_CLK, PORT_R_ADDR, PORT_R_RD_EN, PORT_R_RD_DATA
);
    parameter INIT = 0;
    parameter WIDTH = 9;
    input CLK_C;
    input PORT_W_CLK;
    input [12:0] PORT_W_ADDR;
    input [WIDTH-1:0] PORT_W_WR_DATA;
    input PORT_W_WR_EN;
    input PORT_R_CLK;
    input [12:0] PORT_R_ADDR;
    input PORT_R_RD_EN;
    output [WIDTH-1:0] PORT_R_RD_DATA;

    localparam STEP = (WIDTH > 18) ? 5 : (WIDTH > 9) ? 4 : (WIDTH > 4) ? 3 : WIDTH >> 1;
    m9k #(.WIDTH(WIDTH), .DEPTH(8192 >> STEP), .INIT(INIT)) _TECHMAP_REPLACE_ (
        .clk(CLK_C), .write(PORT_W_WR_EN), .write_address(PORT_W_ADDR >> STEP), .write_data(PORT_W_WR_DATA),
        .read(PORT_R_RD_EN), .read_address(PORT_R_ADDR >> STEP), .read_data(PORT_R_RD_DATA)
    );
endmodule

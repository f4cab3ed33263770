// SPDX-License-Identifier: Apache-2.0
// Inputs of one row where they are more than the ring has places: keeps the samples that are in flight and feeds their
// inputs, last first, into the first place of the ring, once for the forward and once for the update unit. Latency 1.
`default_nettype none

module fabric_feed #(
    parameter WORD = 9,         // bits of an input
    parameter ADDRESS = 7       // bits of an address: the sample's and the input's
) (
    input  wire               clk,
    input  wire               enable,
    input  wire               write,
    input  wire [ADDRESS-1:0] write_address,
    input  wire [WORD-1:0]    write_data,
    input  wire [ADDRESS-1:0] forward_address,
    output wire [WORD-1:0]    forward_data,
    input  wire [ADDRESS-1:0] backward_address,
    output wire [WORD-1:0]    backward_data
);
    fabric_ram #(.WIDTH(WORD), .DEPTH(1 << ADDRESS), .ADDRESS(ADDRESS)) forward (
        .clk(clk), .read_enable(enable), .read_address(forward_address), .read_data(forward_data),
        .write_enable(write), .write_address(write_address), .write_data(write_data)
    );
    fabric_ram #(.WIDTH(WORD), .DEPTH(1 << ADDRESS), .ADDRESS(ADDRESS)) backward (
        .clk(clk), .read_enable(enable), .read_address(backward_address), .read_data(backward_data),
        .write_enable(write), .write_address(write_address), .write_data(write_data)
    );
endmodule

`default_nettype wire

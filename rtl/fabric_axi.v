// SPDX-License-Identifier: Apache-2.0
// The training machine on buses: AXI4-Lite for registers, AXI4-Stream for inputs, targets and results; see AXI.md.
// Latency of a sample: that of fabric_machine and two register slices.
`default_nettype none

module fabric_axi #(
    parameter ROWS = 4,                 // all as in fabric_machine
    parameter COLUMNS = 4,
    parameter WORD = 9,
    parameter WEIGHT = 12,
    parameter ACC = 24,
    parameter SHIFT = 7,
    parameter FRACTION = 5,
    parameter WIDEN = 3,
    parameter UPDATE_SHIFT = 10,
    parameter BANKS = 3,
    parameter DEPTH = 32,
    parameter ADDRESS = $clog2(DEPTH),
    parameter LENGTH = 8,
    parameter STORE = 6,
    parameter FEED = 0,
    parameter SLOTS = 16,
    parameter SLOT = $clog2(SLOTS),
    parameter MEMORY = 8,
    parameter SIGMOID = 1,
    parameter PIPELINE = 0,
    parameter SATURATIONS = 0,
    parameter SIGMOID_TABLE = "sigmoid.hex",
    parameter SLOPE_TABLE = "derivative.hex",
    parameter FIXED = 0,
    parameter PROGRAM_TABLE = "program.hex"
) (
    input  wire                                         aclk,
    input  wire                                         aresetn,        // synchronous
    // registers
    input  wire [7:0]                                   s_axil_awaddr,  // of bytes
    input  wire [2:0]                                   s_axil_awprot,  // makes no difference
    input  wire                                         s_axil_awvalid,
    output wire                                         s_axil_awready,
    input  wire [31:0]                                  s_axil_wdata,
    input  wire [3:0]                                   s_axil_wstrb,
    input  wire                                         s_axil_wvalid,
    output wire                                         s_axil_wready,
    output wire [1:0]                                   s_axil_bresp,
    output wire                                         s_axil_bvalid,
    input  wire                                         s_axil_bready,
    input  wire [7:0]                                   s_axil_araddr,
    input  wire [2:0]                                   s_axil_arprot,
    input  wire                                         s_axil_arvalid,
    output wire                                         s_axil_arready,
    output wire [31:0]                                  s_axil_rdata,
    output wire [1:0]                                   s_axil_rresp,
    output wire                                         s_axil_rvalid,
    input  wire                                         s_axil_rready,
    // streams: a word of each row in a lane of 8, 16 or 32 bits
    input  wire [ROWS*(8<<$clog2(WEIGHT+7>>3))-1:0]    s_axis_input_tdata,
    input  wire                                         s_axis_input_tvalid,
    output wire                                         s_axis_input_tready,
    input  wire                                         s_axis_input_tlast,
    input  wire [ROWS*(8<<$clog2(WORD+7>>3))-1:0]      s_axis_target_tdata,
    input  wire                                         s_axis_target_tvalid,
    output wire                                         s_axis_target_tready,
    input  wire                                         s_axis_target_tlast,
    output wire [ROWS*(8<<$clog2(WEIGHT+7>>3))-1:0]    m_axis_output_tdata,
    output wire                                         m_axis_output_tvalid,
    input  wire                                         m_axis_output_tready,
    output wire                                         m_axis_output_tlast
);
    localparam NUMBER = 6;
    localparam PROGRAM = SLOT + 2 * ADDRESS + 5 * LENGTH + 51;
    localparam WIDE = 8 << $clog2(WEIGHT + 7 >> 3);        // bits of a lane of weights
    localparam NARROW = 8 << $clog2(WORD + 7 >> 3);
    localparam [1:0] RUN = 2'd0;
    localparam [1:0] DUMP = 2'd2;
    localparam LAST_PLACE = COLUMNS - 1;

    wire reset, busy, input_fault, target_fault;
    wire rst = !aresetn;
    wire machine_rst = rst || reset;
    wire [31:0] packet, count_cycles, count_forward, count_backward, count_waiting, count_updates, count_steps;
    wire [31:0] count_clipped_activations, count_clipped_errors, count_clipped_deltas, count_clipped_weights;
    wire [SLOT-1:0] count_slot;

    // ---- registers ----
    wire write, write_refused, read_refused;
    wire [NUMBER-1:0] write_number, read_number;
    wire [31:0] write_data, read_data;
    wire program_valid, program_ready, command_valid, command_ready;
    wire [PROGRAM-1:0] program_data;
    wire [79:0] command_data;

    fabric_axi_lite #(.NUMBER(NUMBER)) bus (
        .clk(aclk), .rst(rst),
        .awaddr(s_axil_awaddr[2 +: NUMBER]), .awvalid(s_axil_awvalid), .awready(s_axil_awready),
        .wdata(s_axil_wdata), .wstrb(s_axil_wstrb), .wvalid(s_axil_wvalid), .wready(s_axil_wready),
        .bresp(s_axil_bresp), .bvalid(s_axil_bvalid), .bready(s_axil_bready),
        .araddr(s_axil_araddr[2 +: NUMBER]), .arvalid(s_axil_arvalid), .arready(s_axil_arready),
        .rdata(s_axil_rdata), .rresp(s_axil_rresp), .rvalid(s_axil_rvalid), .rready(s_axil_rready),
        .write(write), .write_number(write_number), .write_data(write_data), .write_refused(write_refused),
        .read_number(read_number), .read_data(read_data), .read_refused(read_refused)
    );
    fabric_axi_registers #(
        .NUMBER(NUMBER), .PROGRAM(PROGRAM), .ROWS(ROWS), .COLUMNS(COLUMNS), .WORD(WORD), .WEIGHT(WEIGHT), .SHIFT(SHIFT),
        .FRACTION(FRACTION), .WIDEN(WIDEN), .UPDATE_SHIFT(UPDATE_SHIFT), .BANKS(BANKS), .DEPTH(DEPTH),
        .ADDRESS(ADDRESS), .LENGTH(LENGTH), .STORE(STORE), .FEED(FEED), .SLOT(SLOT), .SIGMOID(SIGMOID),
        .PIPELINE(PIPELINE), .SATURATIONS(SATURATIONS)
    ) registers (
        .clk(aclk), .rst(rst),
        .write(write), .write_number(write_number), .write_data(write_data), .write_refused(write_refused),
        .read_number(read_number), .read_data(read_data), .read_refused(read_refused),
        .reset(reset), .packet(packet),
        .program_data(program_data), .program_valid(program_valid), .program_ready(program_ready),
        .command_data(command_data), .command_valid(command_valid), .command_ready(command_ready),
        .busy(busy), .input_fault(input_fault), .target_fault(target_fault),
        .count_cycles(count_cycles), .count_forward(count_forward), .count_backward(count_backward),
        .count_waiting(count_waiting), .count_updates(count_updates),
        .count_clipped_activations(count_clipped_activations), .count_clipped_errors(count_clipped_errors),
        .count_clipped_deltas(count_clipped_deltas), .count_clipped_weights(count_clipped_weights),
        .count_steps(count_steps), .count_slot(count_slot)
    );

    // ---- streams ----
    wire begin_command = command_valid && command_ready;
    wire [1:0] kind = command_data[1:0];
    wire [31:0] count = command_data[79:48];
    wire [ROWS*WEIGHT-1:0] input_words, output_data;
    wire [ROWS*WORD-1:0] target_words;
    wire [ROWS*WIDE-1:0] output_lanes;
    wire [ROWS*WEIGHT:0] input_beat;        // the mark of the last beat above the words
    wire [ROWS*WORD:0] target_beat;
    wire [ROWS*WIDE:0] output_beat;
    wire input_here, input_wanted, input_valid, input_ready;
    wire target_here, target_wanted, target_valid, target_ready;
    wire output_valid, output_wanted, output_last;

    genvar r;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : row
            assign input_words[r*WEIGHT +: WEIGHT] = s_axis_input_tdata[r*WIDE +: WEIGHT];
            assign target_words[r*WORD +: WORD] = s_axis_target_tdata[r*NARROW +: WORD];
            assign output_lanes[r*WIDE +: WEIGHT] = output_data[r*WEIGHT +: WEIGHT];
            if (WIDE > WEIGHT) begin : extended
                assign output_lanes[r*WIDE+WEIGHT +: WIDE-WEIGHT] = {(WIDE - WEIGHT){output_data[r*WEIGHT+WEIGHT-1]}};
            end
        end
    endgenerate

    fabric_axi_slice #(.WIDTH(ROWS * WEIGHT + 1)) input_slice (
        .clk(aclk), .rst(rst), .in_data({s_axis_input_tlast, input_words}), .in_valid(s_axis_input_tvalid),
        .in_ready(s_axis_input_tready), .out_data(input_beat), .out_valid(input_here), .out_ready(input_wanted)
    );
    fabric_axi_gate #(.LENGTH(LENGTH)) input_gate (
        .clk(aclk), .rst(machine_rst), .begin_command(begin_command), .last(command_data[16 +: LENGTH]),
        .count((kind == DUMP) ? 32'd0 : count), .in_valid(input_here), .in_last(input_beat[ROWS*WEIGHT]),
        .in_ready(input_wanted), .out_valid(input_valid), .out_ready(input_ready), .fault(input_fault)
    );
    fabric_axi_slice #(.WIDTH(ROWS * WORD + 1)) target_slice (
        .clk(aclk), .rst(rst), .in_data({s_axis_target_tlast, target_words}), .in_valid(s_axis_target_tvalid),
        .in_ready(s_axis_target_tready), .out_data(target_beat), .out_valid(target_here), .out_ready(target_wanted)
    );
    fabric_axi_gate #(.LENGTH(LENGTH)) target_gate (
        .clk(aclk), .rst(machine_rst), .begin_command(begin_command), .last(LAST_PLACE[LENGTH-1:0]),
        .count((kind == RUN && command_data[12]) ? count : 32'd0), .in_valid(target_here),
        .in_last(target_beat[ROWS*WORD]), .in_ready(target_wanted), .out_valid(target_valid),
        .out_ready(target_ready), .fault(target_fault)
    );
    fabric_axi_last #(.BEATS(COLUMNS), .PLACE($clog2(COLUMNS))) output_packets (
        .clk(aclk), .rst(machine_rst), .begin_command(begin_command), .packet(packet),
        .beat(output_valid && output_wanted), .last(output_last)
    );
    // A beat that has been offered stays until it is taken, also while the machine is reset.
    fabric_axi_slice #(.WIDTH(ROWS * WIDE + 1)) output_slice (
        .clk(aclk), .rst(rst), .in_data({output_last, output_lanes}), .in_valid(output_valid && !machine_rst),
        .in_ready(output_wanted), .out_data(output_beat), .out_valid(m_axis_output_tvalid),
        .out_ready(m_axis_output_tready)
    );
    assign m_axis_output_tdata = output_beat[0 +: ROWS*WIDE];
    assign m_axis_output_tlast = output_beat[ROWS*WIDE];

    fabric_machine #(
        .ROWS(ROWS), .COLUMNS(COLUMNS), .WORD(WORD), .WEIGHT(WEIGHT), .ACC(ACC), .SHIFT(SHIFT), .FRACTION(FRACTION),
        .WIDEN(WIDEN), .UPDATE_SHIFT(UPDATE_SHIFT), .BANKS(BANKS), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .LENGTH(LENGTH),
        .STORE(STORE), .FEED(FEED), .SLOTS(SLOTS), .SLOT(SLOT), .MEMORY(MEMORY), .SIGMOID(SIGMOID),
        .PIPELINE(PIPELINE), .SATURATIONS(SATURATIONS),
        .SIGMOID_TABLE(SIGMOID_TABLE), .SLOPE_TABLE(SLOPE_TABLE), .FIXED(FIXED), .PROGRAM_TABLE(PROGRAM_TABLE)
    ) machine (
        .clk(aclk), .rst(machine_rst),
        .program_data(program_data), .program_valid(program_valid), .program_ready(program_ready),
        .command_data(command_data), .command_valid(command_valid), .command_ready(command_ready),
        .input_data(input_beat[0 +: ROWS*WEIGHT]), .input_valid(input_valid), .input_ready(input_ready),
        .target_data(target_beat[0 +: ROWS*WORD]), .target_valid(target_valid), .target_ready(target_ready),
        .output_data(output_data), .output_valid(output_valid), .output_ready(output_wanted),
        .busy(busy), .count_cycles(count_cycles), .count_forward(count_forward), .count_backward(count_backward),
        .count_waiting(count_waiting), .count_updates(count_updates),
        .count_clipped_activations(count_clipped_activations), .count_clipped_errors(count_clipped_errors),
        .count_clipped_deltas(count_clipped_deltas), .count_clipped_weights(count_clipped_weights),
        .count_steps(count_steps), .count_slot(count_slot)
    );

    // What has no meaning here: the bytes of a word are not addressed, and bits above a lane's word are not looked at.
    wire unused = &{1'b0, s_axil_awaddr[1:0], s_axil_araddr[1:0], s_axil_awprot, s_axil_arprot, s_axis_input_tdata,
        s_axis_target_tdata};
endmodule

`default_nettype wire

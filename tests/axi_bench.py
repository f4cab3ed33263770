"""What cocotb does with `fabric_axi` inside the simulator, with the bus masters of cocotbext-axi: see test_axi.py."""

import random
import re

import cocotb
import numpy as np
from axi_cases import LESSONS, MAPPING, PAGE, TORUS
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from fabric.hardware import GoldenMachine
from fabric.hardware.torus.axi import (
    BUSY,
    COMMAND,
    CONTROL,
    INPUT_FAULT,
    PACKET,
    PROGRAM,
    STATUS,
    TARGET_FAULT,
    AxiHost,
)

PERIOD, PATIENCE = 10, 40_000  # ns
HOST = AxiHost(TORUS, MAPPING)


class Board:
    """The machine with a master on each of its buses."""

    def __init__(self, dut, seed):
        self.dut, self.random = dut, random.Random(seed)
        cocotb.start_soon(Clock(dut.aclk, PERIOD, unit="ns").start())
        dut.aresetn.value = 0
        reset = (dut.aclk, dut.aresetn, False)
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), *reset)
        self.input = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_input"), *reset)
        self.target = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_target"), *reset)
        self.output = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_output"), *reset)

    async def reset(self):
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def stall(self):
        """Every channel pauses in a share of the cycles of its own."""
        write, read = self.registers.write_if, self.registers.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        for side in [*channels, self.input, self.target, self.output]:
            side.set_pause_generator(self._pauses(self.random.choice([0.0, 0.3, 0.7])))

    def _pauses(self, share):
        generator = random.Random(self.random.random())
        while True:
            yield generator.random() < share

    async def write(self, address, word, answer=AxiResp.OKAY):
        done = await self.registers.write(address, word.to_bytes(4, "little"))
        assert done.resp == answer, f"writing {address:#x} answered {done.resp}, not {answer}"

    async def read(self, address):
        done = await self.registers.read(address, 4)
        assert done.resp == AxiResp.OKAY, f"reading {address:#x} answered {done.resp}"
        return int.from_bytes(done.data, "little")

    async def exchange(self, exchange, pieces=1):
        """Do what an exchange says; send its packets in so many pieces. Returns the packet that comes back."""
        for address, word in exchange.writes:
            await self.write(address, word)
        for stream, sent in ((self.input, exchange.input), (self.target, exchange.target)):
            size = max(1, len(sent) // pieces)
            for at in range(0, len(sent), size):
                await stream.send(AxiStreamFrame(sent[at : at + size]))
        packet = b""
        if exchange.output:
            frame = await with_timeout(self.output.recv(), PATIENCE, "ns")
            packet = bytes(frame.tdata)
            assert len(packet) == exchange.output
        return packet

    async def settle(self):
        for _ in range(1000):
            if not await self.read(STATUS) & BUSY:
                return
        raise AssertionError("the machine is still busy")

    async def drained(self):
        """Until the machine, held in reset, has taken all that the streams still brought."""
        for stream in (self.input, self.target):
            await with_timeout(stream.wait(), PATIENCE, "ns")
        await ClockCycles(self.dut.aclk, 4)

    async def weights(self):
        return HOST.weights([await self.exchange(exchange) for exchange in HOST.read()])


@cocotb.test
async def trains_and_infers_as_the_golden_model(dut):
    """Programs, weights, training, weights back, inference: three lessons, each with other data and other pauses."""
    board = Board(dut, 0)
    await board.reset()
    golden = GoldenMachine(MAPPING, TORUS.fixed_point)
    for lesson in LESSONS:
        board.stall()
        golden.load(lesson.weights)
        for exchange in HOST.load(lesson.weights):
            await board.exchange(exchange)
        for program, given in lesson.runs:
            await board.settle()
            await board.exchange(HOST.program(program))
            packet = await board.exchange(HOST.run(program, *given), lesson.pieces)
            assert np.array_equal(HOST.outputs(program, packet), golden.run(program, *given))
            held = await board.weights()
            assert all(map(np.array_equal, held, golden.weights()))
    assert await board.read(STATUS) == 0 and board.output.empty()


@cocotb.test
async def every_address_answers_as_the_page_says(dut):
    """The table of rtl/AXI.md against the Verilog: what is there after reset, what may be written, what is refused."""
    board = Board(dut, 0)
    await board.reset()
    rows = re.findall(r"^\| `(0x\w\w)`(?: … `(0x\w\w)`)? \| (\w+) \| (read|read, write|write) \| (\S+) \|", PAGE, re.M)
    named = {}
    for first, last, name, access, value in rows:
        for at, address in enumerate(range(int(first, 16), int(last or first, 16) + 1, 4)):
            named[address] = (name, access, value, at)
    words = -(-(TORUS.slot_bits + 2 * TORUS.address_bits + 5 * TORUS.length_bits + 51) // 32)
    assert len(named) == 5 + 7 + 16 + 3 + 8 + 4 + 2
    for address in range(0, 256, 4):
        name, access, value, at = named.get(address, ("", "", "", 0))
        there = name != "PROGRAM" or at < words
        done = await board.registers.read(address, 4)
        read = int.from_bytes(done.data, "little")
        assert done.resp == (AxiResp.OKAY if "read" in access else AxiResp.SLVERR), hex(address)
        wanted = (
            TORUS.parameters.get(name, 0) if value == "parameter" else int(value, 16) if value.startswith("0x") else 0
        )
        assert read == wanted, f"{name} at {address:#x}: {read:#x}, not {wanted:#x}"
        writable = "write" in access and there
        await board.write(address, 1 if name == "PACKET" else 0, AxiResp.OKAY if writable else AxiResp.SLVERR)
        done = await board.registers.write(address, b"\1")  # of a word, one byte
        assert done.resp == AxiResp.SLVERR, hex(address)
    assert await board.read(PACKET) == 1
    await board.settle()


@cocotb.test
async def what_cannot_be_done_is_refused_and_changes_nothing(dut):
    board = Board(dut, 1)
    await board.reset()
    lesson = LESSONS[0]
    (training, given), *_ = lesson.runs
    golden = GoldenMachine(MAPPING, TORUS.fixed_point)
    golden.load(lesson.weights)
    await board.exchange(HOST.program(training))
    for exchange in HOST.load(lesson.weights):
        await board.exchange(exchange)
    await board.settle()
    run = HOST.run(training, *given)
    for address, word in run.writes:
        await board.write(address, word)
    assert await board.read(STATUS) & BUSY
    await board.write(PROGRAM, 7, AxiResp.SLVERR)  # a run is on
    for address, word in HOST.read()[0].writes:
        await board.write(address, word)  # this command waits
    assert await board.read(STATUS) & 2
    await board.write(PACKET, 1, AxiResp.SLVERR)
    for at in range(3):
        await board.write(COMMAND + 4 * at, 7, AxiResp.SLVERR)
    await board.write(PROGRAM, 7, AxiResp.SLVERR)
    await board.input.send(run.input)
    await board.target.send(run.target)
    outputs = bytes((await with_timeout(board.output.recv(), PATIENCE, "ns")).tdata)
    assert np.array_equal(HOST.outputs(training, outputs), golden.run(training, *given))
    read = bytes((await with_timeout(board.output.recv(), PATIENCE, "ns")).tdata)
    first = MAPPING.weights(0, HOST._groups(read).transpose(1, 2, 0))
    assert np.array_equal(first, golden.weights()[0])
    await board.settle()
    await board.write(COMMAND, 3)
    await board.write(COMMAND + 8, 1, AxiResp.SLVERR)  # a kind that there is not
    assert await board.read(STATUS) == 0


@cocotb.test
async def samples_that_come_early_wait_for_their_command(dut):
    """A run waits behind a read whose results nobody takes yet; its samples are there before it begins."""
    board = Board(dut, 5)
    await board.reset()
    (training, given), *_ = LESSONS[0].runs
    golden = GoldenMachine(MAPPING, TORUS.fixed_point)
    golden.load(LESSONS[0].weights)
    for exchange in [HOST.program(training), *HOST.load(LESSONS[0].weights)]:
        await board.settle()
        await board.exchange(exchange)
    await board.settle()
    board.output.pause = True
    run = HOST.run(training, *given)
    for address, word in [*HOST.read()[0].writes, *run.writes[1:]]:
        await board.write(address, word)
    await board.input.send(run.input)
    await board.target.send(run.target)
    await ClockCycles(dut.aclk, 50)
    board.output.pause = False
    frames = b""
    while len(frames) < HOST.read()[0].output + run.output:
        frames += bytes((await with_timeout(board.output.recv(), PATIENCE, "ns")).tdata)
    outputs = HOST.outputs(training, frames[-run.output :])
    assert np.array_equal(outputs, golden.run(training, *given))
    await board.settle()
    assert await board.read(STATUS) == 0


@cocotb.test
async def a_packet_that_does_not_end_with_the_samples_is_noticed(dut):
    board = Board(dut, 2)
    await board.reset()
    lesson = LESSONS[0]
    (training, given), *_ = lesson.runs
    await board.exchange(HOST.program(training))
    run = HOST.run(training, *given)
    for stream, sent, fault in (("input", run.input, INPUT_FAULT), ("target", run.target, TARGET_FAULT)):
        size = len(getattr(dut, f"s_axis_{stream}_tdata")) // 8
        for pieces in ([sent[:size], sent[size:]], [sent + sent[:size]]):  # ends within a sample; goes on
            assert await board.read(STATUS) == 0
            board.stall()
            for address, word in run.writes:
                await board.write(address, word)
            for name, whole in (("input", run.input), ("target", run.target)):
                for piece in pieces if name == stream else [whole]:
                    await getattr(board, name).send(piece)
            await with_timeout(board.output.recv(), PATIENCE, "ns")
            await board.settle()
            assert await board.read(STATUS) == fault
            await board.write(STATUS, INPUT_FAULT | TARGET_FAULT)
            await board.write(CONTROL, 1)
            await board.drained()
            await board.write(CONTROL, 0)


@cocotb.test
async def a_run_can_be_given_up(dut):
    """Without targets the machine waits; a reset by register brings it back, with its weights."""
    board = Board(dut, 3)
    await board.reset()
    lesson = LESSONS[1]
    (training, given), *_ = lesson.runs
    golden = GoldenMachine(MAPPING, TORUS.fixed_point)
    golden.load(lesson.weights)
    for exchange in [HOST.program(training), *HOST.load(lesson.weights)]:
        await board.settle()
        await board.exchange(exchange)
    run = HOST.run(training, *given)
    for address, word in run.writes:
        await board.write(address, word)
    await board.input.send(run.input)
    await ClockCycles(dut.aclk, 200)
    assert await board.read(STATUS) == BUSY and board.output.empty()
    await board.write(CONTROL, 1)
    for at in range(3):
        await board.write(COMMAND + 4 * at, 0, AxiResp.SLVERR)
    assert await board.read(CONTROL) == 1 and await board.read(STATUS) == 0
    await board.drained()
    await board.write(CONTROL, 0)
    packet = await board.exchange(run)
    assert np.array_equal(HOST.outputs(training, packet), golden.run(training, *given))
    held = await board.weights()
    assert all(map(np.array_equal, held, golden.weights()))


@cocotb.test
async def no_ready_follows_an_input_within_a_cycle(dut):
    """No output of the machine moves between two edges of the clock, whatever its inputs do there."""
    board = Board(dut, 4)
    await board.reset()
    channels = ("s_axil_aw", "s_axil_w", "s_axil_ar", "s_axis_input_t", "s_axis_target_t")
    ins = [f"{channel}valid" for channel in channels] + ["s_axil_bready", "s_axil_rready", "m_axis_output_tready"]
    outs = [f"{channel}ready" for channel in channels] + ["s_axil_bvalid", "s_axil_rvalid", "m_axis_output_tvalid"]
    for _ in range(20):
        await RisingEdge(dut.aclk)
        await Timer(1, unit="ns")
        before = [int(getattr(dut, name).value) for name in outs]
        for name in ins:
            getattr(dut, name).value = board.random.getrandbits(1)
        await Timer(1, unit="ns")
        assert [int(getattr(dut, name).value) for name in outs] == before

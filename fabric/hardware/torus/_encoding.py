"""Instructions and commands of the machine as the bits that rtl/README.md lists."""

from collections.abc import Sequence

import numpy as np

from fabric.hardware.torus._phases import ACTIVATIONS
from fabric.hardware.torus._program import Slot

RUN, LOAD, DUMP = range(3)


def encode(slot: Slot, address_bits: int, length_bits: int) -> int:
    """The instruction word of a slot, fields from its least significant bit as rtl/README.md lists them."""
    f, b = slot.forward, slot.backward
    fields = [
        (slot.cycles - 1, length_bits),
        (f.base if f else 0, address_bits),
        (f.length - 1 if f else 0, length_bits),
        (b.base if b else 0, address_bits),
        (b.length - 1 if b else 0, length_bits),
        (f.rows - 1 if f else 0, length_bits),
        (f.columns - 1 if f else 0, length_bits),
    ]
    if f:
        fields += [
            (1, 1), (f.axis == "column", 1), (f.bank, 2), (f.first, 1), (f.fed, 1), (ACTIVATIONS.index(f.kind), 2),
            (f.scale, 2), (f.save, 1), (f.store, 4), (_mask(f.versions), 2), (f.final, 1), (f.lag, 3), (f.source, 2),
            (f.result, 2),
        ]  # fmt: skip
    else:
        fields += [(0, 25)]
    if b:
        fields += [
            (1, 1), (b.axis == "column", 1), (b.bank, 2), (b.first, 1), (b.fed, 1), (ACTIVATIONS.index(b.kind), 2),
            (b.scale, 2), (b.store, 4), (_mask(b.versions), 2), (b.lag, 3), (b.emit, 1), (b.frozen, 1), (b.source, 2),
            (b.result, 2),
        ]  # fmt: skip
    else:
        fields += [(0, 25)]
    fields += [(slot.last, 1)]
    word, at = 0, 0
    for value, bits in fields:
        if not 0 <= int(value) < 1 << bits:
            raise ValueError(f"an instruction field of {bits} bits cannot hold {int(value)}")
        word |= int(value) << at
        at += bits
    return word


def _mask(versions: int) -> int:
    """The bits of a sample's number that tell its place in the store."""
    if versions not in (1, 2, 4):
        raise ValueError(f"versions must be 1, 2 or 4, got {versions!r}")
    return versions - 1


def command(
    kind: int,
    count: int,
    bank: int = 0,
    address: int = 0,
    last: int = 0,
    stochastic: bool = False,
    rate: int = 0,
    drain: int = 0,
    emit: bool = False,
    train: bool = False,
    passes: bool = False,
) -> np.ndarray:
    """A command word as a beat, fields from the least significant bit as rtl/README.md lists them."""
    word = kind | bank << 2 | int(stochastic) << 4 | rate << 5 | drain << 8
    word |= int(emit) << 11 | int(train) << 12 | int(passes) << 13
    return beats([word | last << 16 | address << 32 | count << 48], 3)


def beats(values: Sequence[int], words: int) -> np.ndarray:
    """Python integers as beats of 32-bit words, least significant first."""
    return np.array([[value >> (32 * at) & 0xFFFFFFFF for at in range(words)] for value in values], dtype=np.uint32)

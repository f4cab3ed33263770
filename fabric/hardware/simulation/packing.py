"""Words of any width side by side in a beat, and back: the flat buses of the design as 32-bit words."""

import numpy as np


def pack(values: np.ndarray, bits: int) -> np.ndarray:
    """Signed integers (beats, words) as uint32 (beats, 32-bit words), the first word lowest, `bits` bits each."""
    beats, words = values.shape
    single = (np.asarray(values, dtype=np.int64)[:, :, None] >> np.arange(bits)) & 1
    flat = np.zeros((beats, -(-words * bits // 32) * 32), dtype=np.uint8)
    flat[:, : words * bits] = single.reshape(beats, -1)
    return np.packbits(flat, axis=1, bitorder="little").view(np.uint32)


def unpack(packed: np.ndarray, words: int, bits: int) -> np.ndarray:
    """The inverse of `pack`: int64 (beats, words)."""
    single = np.unpackbits(packed.view(np.uint8), axis=1, bitorder="little", count=words * bits)
    values = single.reshape(len(packed), words, bits).astype(np.int64) @ (1 << np.arange(bits))
    return values - ((values >> (bits - 1)) << bits)

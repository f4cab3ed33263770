"""CIFAR's published batches are pickles of Python 2. This reader takes arrays, labels and names out of them only."""

import io
import pickle

import numpy as np


class UnsafePickleError(ValueError):
    """A pickle asks for more than byte arrays; the message names what."""


def read_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one batch file.

    A pickle can name any function for its reader to call. The three names that an array needs are answered here with
    functions that make arrays of bytes and nothing else; any other name is an error before anything is called.

    Returns:
        Images uint8 (samples, 3072), 32 rows of 32 pixels of red, then of green, then of blue; labels int64 (samples,),
        the fine ones of CIFAR-100.

    Raises:
        UnsafePickleError: the pickle names anything else.
    """
    batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    return batch[b"data"], np.array(batch[b"fine_labels" if b"fine_labels" in batch else b"labels"], np.int64)


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        wanted = f"{module}.{name}"
        if wanted not in _MAKERS:
            raise UnsafePickleError(f"content must name only {', '.join(_MAKERS)}, it names {wanted}")
        return _MAKERS[wanted]


def _empty_array(kind: object, shape: object, code: object) -> np.ndarray:
    """What the pickle fills afterwards, whatever its arguments say."""
    return np.empty(0, np.uint8)


def _bytes_dtype(code: bytes, *flags: object) -> np.dtype:
    if code not in (b"u1", "u1"):
        raise UnsafePickleError(f"content must hold arrays of unsigned bytes (u1), it holds {code!r}")
    return np.dtype(np.uint8, copy=True)  # the pickle sets its state: not that of the one numpy shares


_MAKERS = {"numpy.core.multiarray._reconstruct": _empty_array, "numpy.ndarray": "array", "numpy.dtype": _bytes_dtype}

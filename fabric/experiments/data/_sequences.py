"""Sequences by name: the JSB chorales, or part songs that are generated."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from fabric._checks import one_of as checked_one_of
from fabric.experiments.data._files import chorales
from fabric.experiments.runs import one_of

_NAMES = ("part_songs", "jsb_chorales")
KEYS = 88  # of a piano
_VOICES = (60, 55, 45, 35)  # where the four voices of a part song begin, keys counted from 0
_SCALE = np.flatnonzero(np.isin(np.arange(KEYS) % 12, (0, 2, 3, 5, 7, 8, 10)))  # white keys: key 0 is A
_SONGS = (48, 16, 16)  # in the training, held-out and test part

SequencesName = Annotated[str, one_of(*_NAMES)]


@dataclass(frozen=True)
class Sequences:
    """Sequences of sets of keys in three parts, each float32 (steps, 88) of zeros and ones, at least two steps long.

    Attributes:
        train, held_out, test: the three parts. Lengths differ.
    """

    train: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    test: tuple[Tensor, ...]


def load_sequences(name: str) -> Sequences:
    """Polyphonic music by name.

    "jsb_chorales" are Bach's chorales as Boulanger-Lewandowski and others divide them (2012): 229, 76 and 77 sequences,
    a step an eighth note. "part_songs" are generated with a fixed seed, nothing to download: 48, 16 and 16 songs of 8
    to 24 steps, in which four voices walk along a scale, each by at most two of its keys a step.

    Raises:
        ValueError: unknown name.
        DataError: a file is missing from FABRIC_DATA or damaged.
    """
    return _loaded(checked_one_of("name", name, _NAMES))


@lru_cache(maxsize=2)
def _loaded(name: str) -> Sequences:
    parts = chorales() if name == "jsb_chorales" else _part_songs()
    return Sequences(*(tuple(torch.from_numpy(song.astype(np.float32)) for song in part) for part in parts))


def _part_songs() -> list[list[np.ndarray]]:
    rng = np.random.default_rng(0)
    return [[_part_song(rng) for _ in range(songs)] for songs in _SONGS]


def _part_song(rng: np.random.Generator) -> np.ndarray:
    steps = int(rng.integers(8, 25))
    song = np.zeros((steps, KEYS), np.uint8)
    places = np.searchsorted(_SCALE, _VOICES)
    for step in song:
        places = np.clip(places + rng.integers(-2, 3, len(places)), 0, len(_SCALE) - 1)
        step[_SCALE[places]] = 1
    return song

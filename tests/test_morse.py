"""Morse code: frames that decode to their labels, with the published lengths and levels."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from fabric.experiments import data
from fabric.experiments.data import morse
from fabric.experiments.data.morse import CODES, SYMBOLS, MorseRecipe

FEW = MorseRecipe(samples=(40, 5, 10))


def runs(frame):
    """Lengths of the frame's runs of ink and gaps between them, and where the first begins."""
    ink = frame > 0
    lengths = [(value, len(list(group))) for value, group in itertools.groupby(ink)]
    start = 0 if lengths[0][0] else lengths[0][1]
    return [n for _, n in lengths[not lengths[0][0] : len(lengths) - (not lengths[-1][0])]], start


def decode(frame, dilation=1):
    lengths, _ = runs(frame)
    return "".join("." if length <= 3 * dilation else "-" for length in lengths[::2])


def test_64_symbols_with_different_codes():
    assert len(SYMBOLS) == len(set(CODES.values())) == 64
    assert all(set(code) <= set(".-") for code in CODES.values())
    assert (CODES["A"], CODES["Z"], CODES["0"], CODES["9"], CODES["?"]) == (".-", "--..", "-----", "----.", "..--..")
    longest = max(sum(9 if element == "-" else 3 for element in code) + 3 * (len(code) - 1) for code in CODES.values())
    assert longest == 57  # a frame has room for every symbol


@pytest.mark.parametrize(
    "recipe",
    [FEW, dataclasses.replace(FEW, leading_space=True), dataclasses.replace(FEW, dilation=4, seed=3)],
    ids=["base", "leading space", "dilated"],
)
def test_frames_without_noise_decode_to_their_labels(recipe):
    train_x, train_y, test_x, test_y = morse.generate(recipe)
    scale = recipe.dilation
    starts, marks, gaps = [], {".": [], "-": []}, []
    for frame, label in zip(np.concatenate((train_x, test_x)), np.concatenate((train_y, test_y)), strict=True):
        code = CODES[SYMBOLS[label]]
        assert decode(frame, scale) == code
        lengths, start = runs(frame)
        starts.append(start)
        gaps += lengths[1::2]
        for element, length in zip(code, lengths[::2], strict=True):
            marks[element].append(length)
    assert (min(marks["."]), max(marks["."])) == (scale, 3 * scale)
    assert (min(marks["-"]), max(marks["-"])) == (4 * scale, 9 * scale)
    assert (min(gaps), max(gaps)) == (scale, 3 * scale)
    assert (max(starts) > 0) == recipe.leading_space
    counts = np.bincount(gaps)[scale : 3 * scale + 1] / len(gaps)
    assert abs(counts * len(counts) - 1).max() < 0.2


def test_every_place_between_no_and_all_leading_space_occurs():
    frames, labels, *_ = morse.generate(MorseRecipe(leading_space=True, samples=(4000, 1, 1)))
    starts = [runs(frame)[1] for frame in frames[labels == SYMBOLS.index("E")]]
    assert set(starts) >= set(range(62))
    assert max(starts) == 63


def test_sizes_types_and_balance():
    train_x, train_y, test_x, test_y = morse.generate(dataclasses.replace(FEW, dilation=4))
    assert (train_x.shape, test_x.shape) == ((64 * 45, 256), (64 * 10, 256))
    assert train_x.dtype == test_x.dtype == np.float32
    assert train_y.dtype == test_y.dtype == np.int64
    assert (np.bincount(train_y[: 64 * 40]) == 40).all()
    assert (np.bincount(train_y[64 * 40 :]) == 5).all()  # the validation part comes last: `hold_out` finds it
    assert (np.bincount(test_y) == 10).all()
    assert (np.diff(train_y) != 0).mean() > 0.9


def test_levels_and_noise():
    quiet, *_ = morse.generate(FEW)
    ink = 16 * quiet[quiet > 0]
    assert abs(ink.mean() - 12) < 0.02
    assert abs(ink.std() - 1.34) < 0.02
    noisy, *_ = morse.generate(dataclasses.replace(FEW, noise=2.0))
    space = 16 * noisy[:, 58:]  # no symbol reaches this far
    assert abs((space == 0).mean() - 0.5) < 0.02
    assert abs(np.sqrt((space[space > 0] ** 2).mean()) - 2) < 0.05
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_short_dashes_look_like_long_dots():
    frames, labels, *_ = morse.generate(dataclasses.replace(FEW, shortest_dash=3))
    wrong = [decode(frame) != CODES[SYMBOLS[label]] for frame, label in zip(frames, labels, strict=True)]
    assert 0.1 < np.mean(wrong) < 0.6


def test_the_seed_decides():
    once, again, other = (morse.generate(dataclasses.replace(FEW, noise=1.0, seed=seed)) for seed in (0, 0, 1))
    assert all(map(np.array_equal, once, again))
    assert not np.array_equal(once[0], other[0])


def test_names_stand_for_recipes():
    assert morse.recipe("morse-0") == MorseRecipe()
    assert morse.recipe("morse-4+leading+dash3") == MorseRecipe(noise=4.0, leading_space=True, shortest_dash=3)
    assert morse.recipe("morse-1+dilated+tenth") == MorseRecipe(noise=1.0, dilation=4, samples=(500, 100, 100))


def test_loading_by_name():
    loaded = data.load("morse-2+tenth")
    assert loaded.train_x.shape == (64 * 600, 64)
    assert loaded.test_y.bincount().tolist() == [100] * 64
    assert (loaded.train_x.dtype, loaded.train_y.dtype) == (torch.float32, torch.int64)
    published = loaded.hold_out(64 * 100)
    assert published.train_y.bincount().tolist() == [500] * 64
    assert published.test_y.bincount().tolist() == [100] * 64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.load("morse-x"), r"name must be 'morse-' with the noise as a whole number .*, got 'morse-x'"),
        (lambda: morse.recipe("morse-1+hard"), r"any of \+leading, \+dash3, \+dilated, \+tenth, got 'morse-1\+hard'"),
        (lambda: MorseRecipe(noise=-1), r"noise must be a finite number of at least 0, got -1"),
        (lambda: MorseRecipe(noise=float("nan")), r"noise must be a finite number of at least 0, got nan"),
        (lambda: MorseRecipe(shortest_dash=10), r"shortest_dash must be an integer from 1 to 9, got 10"),
        (lambda: MorseRecipe(dilation=0), r"dilation must be a positive integer, got 0"),
        (lambda: MorseRecipe(samples=(5, 1)), r"samples must hold numbers .*, 3 in all, got 2: \(5, 1\)"),
        (lambda: MorseRecipe(samples=(5, 0, 1)), r"samples \(validation\) must be a positive integer, got 0"),
    ],
)
def test_bad_arguments_are_named_with_their_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()

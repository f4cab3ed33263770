"""Morse code as a data set of tunable difficulty, generated after the recipe of Dey, Chugg and Beerel (2018).

A sample is a frame of 64 levels that holds one symbol: runs of ink for dots and dashes, gaps between them, empty space
to the end. The lengths of all runs vary, so do the levels of the ink; noise, a leading space, dashes as short as long
dots and a fourfold dilation make it harder.

Which 64 symbols the authors' code book holds could not be read. These are the letters, digits and signs of
Recommendation ITU-R M.1677-1 (55 different codes), four common signs outside it and five letters of other alphabets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fabric._checks import instance, number, positive_int, seed, sequence, shown

_LETTERS = """
    A .-    B -...  C -.-.  D -..   E .     F ..-.  G --.   H ....  I ..    J .---  K -.-   L .-..  M --
    N -.    O ---   P .--.  Q --.-  R .-.   S ...   T -     U ..-   V ...-  W .--   X -..-  Y -.--  Z --..
"""
_DIGITS = "0 ----- 1 .---- 2 ..--- 3 ...-- 4 ....- 5 ..... 6 -.... 7 --... 8 ---.. 9 ----."
_SIGNS = """
    . .-.-.-  , --..--  : ---...  ? ..--..  ' .----.  - -....-  / -..-.  ( -.--.  ) -.--.-  " .-..-.  = -...-  + .-.-.
    @ .--.-.  É ..-..  understood ...-.  error ........  wait .-...  end-of-work ...-.-  attention -.-.-
"""
_BEYOND = "! -.-.-- ; -.-.-. _ ..--.- $ ...-..- Ä .-.- Ö ---. Ü ..-- CH ---- Ñ --.--"
_TABLE = " ".join((_LETTERS, _DIGITS, _SIGNS, _BEYOND)).split()
CODES = dict(zip(_TABLE[::2], _TABLE[1::2], strict=True))
SYMBOLS = tuple(CODES)

_FRAME = 64
_LONGEST_DASH = 9
_DOT = _GAP = (1, 3)
_LEVELS = 16
_MOST_LEVELS = 1 << 28  # of all samples; some eight bytes each on the way
_INK_MEAN, _INK_DEVIATION = 12, 1.34
_OPTIONS: dict[str, dict[str, Any]] = {
    "leading": {"leading_space": True},
    "dash3": {"shortest_dash": 3},
    "dilated": {"dilation": 4},
    "tenth": {"samples": (500, 100, 100)},
}


@dataclass(frozen=True)
class MorseRecipe:
    """What a Morse data set depends on; the defaults are the published base set without noise.

    Attributes:
        noise: standard deviation of the Gaussian noise on every level of a frame, on the scale 0 ... 16.
        leading_space: whether a random part of the empty space comes before the symbol.
        shortest_dash: 1 to 9; published are 4, and 3, which is also the longest dot.
        dilation: factor on all lengths, the frame's included; published are 1 and 4.
        samples: per class for training, validation and test.
        seed: of everything that is drawn.

    Raises:
        ValueError: a value out of range.
    """

    noise: float = 0.0
    leading_space: bool = False
    shortest_dash: int = 4
    dilation: int = 1
    samples: tuple[int, int, int] = (5000, 1000, 1000)
    seed: int = 0

    def __post_init__(self) -> None:
        number("noise", self.noise, least=0)
        instance("leading_space", self.leading_space, bool)
        positive_int("shortest_dash", self.shortest_dash, upper=_LONGEST_DASH)
        positive_int("dilation", self.dilation)
        samples = sequence("samples", self.samples, "numbers for training, validation and test", length=3)
        for part, count in zip(("training", "validation", "test"), samples, strict=True):
            positive_int(f"samples ({part})", count)
        seed(self.seed)
        if len(SYMBOLS) * sum(self.samples) * self.frame > _MOST_LEVELS:
            raise ValueError(
                f"samples and dilation must leave at most {_MOST_LEVELS:,} levels to generate, "
                f"got {shown(self.samples)} and {shown(self.dilation)}"
            )

    @property
    def frame(self) -> int:
        """Levels, that is features, per sample."""
        return _FRAME * self.dilation


def recipe(name: str) -> MorseRecipe:
    """The recipe that a data set's name stands for: "morse-NOISE", followed by any of the options.

    "+leading", "+dash3" and "+dilated" are the published difficulties, "+tenth" takes a tenth of the samples, e.g.
    "morse-2+leading+dash3".

    Raises:
        ValueError: a name that is not made like this.
    """
    noise, *options = instance("name", name, str).removeprefix("morse-").split("+")
    if not name.startswith("morse-") or not noise.isdecimal() or not set(options) <= set(_OPTIONS):
        raise ValueError(
            f"name must be 'morse-' with the noise as a whole number and any of +{', +'.join(_OPTIONS)}, got {name!r}"
        )
    settings = {key: value for option in options for key, value in _OPTIONS[option].items()}
    return MorseRecipe(noise=float(noise), **settings)


def generate(recipe: MorseRecipe) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training frames, their labels, test frames, their labels; the same for the same recipe.

    The training part ends with the validation samples, so that holding out 64 times their number per class gives the
    published three parts. The order of the samples is random within training, validation and test.

    Returns:
        Frames float32 (samples, frame) in 0 ... 1, labels int64 (samples,): positions in `SYMBOLS`.
    """
    rng = np.random.default_rng(instance("recipe", recipe, MorseRecipe).seed)
    frames = np.stack([_frames(code, sum(recipe.samples), recipe, rng) for code in CODES.values()])
    labels = np.broadcast_to(np.arange(len(CODES))[:, None], frames.shape[:2])
    parts = []
    for last, count in zip(np.cumsum(recipe.samples), recipe.samples, strict=True):
        order = rng.permutation(len(CODES) * count)
        parts.append(
            [array[:, last - count : last].reshape(len(order), -1)[order] for array in (frames, labels[:, :, None])]
        )
    (train_x, train_y), (validation_x, validation_y), (test_x, test_y) = parts
    return (
        np.concatenate((train_x, validation_x)),
        np.concatenate((train_y, validation_y)).ravel(),
        test_x,
        test_y.ravel(),
    )


def _frames(code: str, count: int, recipe: MorseRecipe, rng: np.random.Generator) -> np.ndarray:
    """`count` frames of one symbol, (count, frame)."""
    frame = recipe.frame
    runs = _run_lengths(code, count, recipe, rng)
    ends = np.cumsum(runs, axis=1)
    start = rng.integers(frame - ends[:, -1] + 1) if recipe.leading_space else np.zeros(count, int)
    # Ink switches on at the start, off and on at the end of each run, off for good at the last.
    switches = np.zeros((count, frame + 1), np.int8)
    switches[np.arange(count), start] = 1
    switches[np.arange(count)[:, None], start[:, None] + ends] = 1
    ink = np.cumsum(switches, axis=1, dtype=np.int8)[:, :frame] % 2
    levels = ink * (_INK_MEAN + _INK_DEVIATION * rng.standard_normal(ink.shape, np.float32))
    if recipe.noise:
        levels += np.float32(recipe.noise) * rng.standard_normal(ink.shape, np.float32)
    return np.clip(levels / np.float32(_LEVELS), 0, 1).astype(np.float32)


def _run_lengths(code: str, count: int, recipe: MorseRecipe, rng: np.random.Generator) -> np.ndarray:
    """Lengths of the code's dots and dashes with the gaps between them, (count, runs)."""
    ranges = {".": _DOT, "-": (recipe.shortest_dash, _LONGEST_DASH), " ": _GAP}
    bounds = np.array([ranges[run] for run in " ".join(code)]) * recipe.dilation
    return rng.integers(bounds[:, 0], bounds[:, 1], size=(count, len(bounds)), endpoint=True)

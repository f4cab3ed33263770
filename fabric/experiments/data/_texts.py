"""Texts as numbers, a character each: tiny Shakespeare, and sums that are generated."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from fabric._checks import integer, one_of, shown
from fabric.experiments.data._files import text_of
from fabric.experiments.runs import one_of as rule

TEXTS = ("tinyshakespeare", "sums")
TextName = Annotated[str, rule(*TEXTS)]
_TRAINED = 0.9  # of the text, from its beginning, as nanoGPT divides it
_SUMS = 6000


@dataclass(frozen=True)
class Text:
    """A text in two parts.

    Attributes:
        train, test: int64 (characters,), positions in `characters`.
        characters: the alphabet, sorted.
    """

    train: Tensor
    test: Tensor
    characters: str

    def hold_out(self, count: int) -> "Text":
        """Replace the test part by the last `count` characters of the training part, which that then lacks.

        Zero characters leave everything as it is.

        Raises:
            ValueError: `count` is not from 0 to one less than the training part.
        """
        if not 0 <= integer("count", count) < len(self.train):
            raise ValueError(f"count must be from 0 to {len(self.train) - 1}, got {shown(count)}")
        return Text(self.train[:-count], self.train[-count:], self.characters) if count else self


def load_text(name: str) -> Text:
    """A text by name: "tinyshakespeare", or "sums", which needs no file.

    Of tiny Shakespeare the first nine tenths are the training part, as in nanoGPT. "sums" has 6,000 lines such as
    "27+15=42", summands drawn from 0 to 99 with a fixed seed, divided alike.

    Raises:
        ValueError: unknown name.
        DataError: a file is missing from FABRIC_DATA or damaged.
    """
    return _loaded(one_of("text", name, TEXTS))


@lru_cache(maxsize=2)
def _loaded(name: str) -> Text:
    text = text_of(name) if name == "tinyshakespeare" else _sums()
    characters = "".join(sorted(set(text)))
    position = {character: at for at, character in enumerate(characters)}
    numbers = torch.tensor([position[character] for character in text])
    cut = int(_TRAINED * len(numbers))
    return Text(numbers[:cut], numbers[cut:], characters)


def _sums() -> str:
    summands = np.random.default_rng(0).integers(0, 100, (_SUMS, 2)).tolist()
    return "".join(f"{first}+{second}={first + second}\n" for first, second in summands)

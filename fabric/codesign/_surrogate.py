"""Accuracy before training: a fit to some trained networks, with its error for networks that were left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fabric._checks import instance
from fabric.codesign._energy import Activity
from fabric.codesign._network import PARALLEL, Network
from fabric.codesign._training import Trained, number_format
from fabric.hardware._checks import listed

_RIDGE = 0.03  # of features scaled to unit variance, per observation
_SPREAD = 1.96  # standard errors on either side of a 95 % interval


@dataclass(frozen=True)
class Lesson:
    """A network that was trained in words of some length, and what that measured."""

    network: Network
    word: int
    trained: Trained

    def __post_init__(self) -> None:
        instance("network", self.network, Network)
        instance("trained", self.trained, Trained)
        object.__setattr__(self, "word", number_format(self.word).word)


class Surrogate:
    """Log-odds of an error, linear in properties of a network and its words, fitted to lessons.

    Args:
        lessons: of at least three networks; several seeds of one are several lessons.

    Attributes:
        error: root mean square, in log-odds, over networks that were left out with all their lessons.
        left_out: predicted accuracy of each lesson by the fit that leaves its network out, float64 (lessons,).

    Raises:
        TypeError: something else than lessons.
        ValueError: fewer than three networks.
    """

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.lessons = listed("lessons", lessons, Lesson)
        networks = [lesson.network for lesson in self.lessons]
        if len(set(networks)) < 3:
            raise ValueError(f"lessons must be of at least three networks, got {len(set(networks))}")
        described = np.array([_features(lesson.network, lesson.word) for lesson in self.lessons])
        wanted = _log_odds(np.array([lesson.trained.accuracy for lesson in self.lessons]))
        self._fit = _ridge(described, wanted)
        group = np.array([networks.index(network) for network in networks])
        found = np.empty(len(wanted))
        for number in np.unique(group):
            mean, scale, weights = _ridge(described[group != number], wanted[group != number])
            found[group == number] = _apply(described[group == number], mean, scale, weights)
        self.left_out = 1 / (1 + np.exp(found))
        self.error = float(np.sqrt(((found - wanted) ** 2).mean()))

    def accuracy(self, network: Network, word: int) -> tuple[float, float, float]:
        """Predicted accuracy and its 95 % interval, from the error on networks that were left out: fractions."""
        instance("network", network, Network)
        word = number_format(word).word
        odds = float(_apply(np.array([_features(network, word)]), *self._fit)[0])
        ends = (odds, odds + _SPREAD * self.error, odds - _SPREAD * self.error)
        value, low, high = (float(1 / (1 + np.exp(each))) for each in ends)
        return value, low, high

    def activity(self, network: Network, word: int) -> Activity:
        """Mean of the lessons of the network's family, or of all where it has none, between word lengths in a line."""
        instance("network", network, Network)
        word = number_format(word).word
        own = [lesson for lesson in self.lessons if lesson.network.family == network.family] or self.lessons
        words = sorted({lesson.word for lesson in own})
        shares = []
        for name in ("forward", "backward", "update"):
            means = [np.mean([getattr(each.trained, name) for each in own if each.word == w]) for w in words]
            shares.append(float(np.interp(word, words, means)))
        return Activity(*shares)


def _features(network: Network, word: int) -> list[float]:
    size, coarse = np.log2(network.cascade_weights), 2.0 ** (6 - word)
    return [
        size,
        size**2,
        np.log2(network.bandwidth),
        np.log2(network.hidden),
        np.log2(network.rows_of_hidden),
        network.depth,
        network.family == PARALLEL,
        coarse,
        coarse * network.depth,
    ]


def _log_odds(accuracy: np.ndarray) -> np.ndarray:
    error = np.clip(1 - accuracy, 1e-4, 1 - 1e-4)
    return np.log(error / (1 - error))


def _ridge(described: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means and scales of the features, and their weights with the constant first."""
    mean, scale = described.mean(axis=0), described.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x = np.column_stack([np.ones(len(described)), (described - mean) / scale])
    penalty = _RIDGE * len(described) * np.eye(x.shape[1])
    penalty[0, 0] = 0
    return mean, scale, np.linalg.solve(x.T @ x + penalty, x.T @ wanted)


def _apply(described: np.ndarray, mean: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights[0] + (described - mean) / scale @ weights[1:]

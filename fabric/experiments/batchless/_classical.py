"""Decision trees, random forests and linear support vector machines, as small as their arrays can be stored.

A fitted tree of scikit-learn holds what it needs to grow. To classify, an internal node needs a feature, a threshold
and two children; a child that is a leaf needs its class only, which a negative index holds. Accuracy is that of the
packed arrays, and their bytes are the model's size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from fabric._checks import instance
from fabric.experiments.data import DatasetName, accuracy, agreement, load
from fabric.experiments.runs import Measured, Natural, PositiveFloat, Rule, RunConfig

NODE_BYTES = 10  # of an internal node of a tree with less than 32,768 of them: feature 2, threshold 4, children 2 each


@dataclass(frozen=True)
class PackedTree:
    """Internal nodes of a decision tree, the root first.

    Attributes:
        features: uint16 (nodes,), which feature is compared.
        thresholds: float32 (nodes,); up to the threshold a sample goes left.
        children: int16 or int32 (nodes, 2), left and right: a node, or -1 minus the class of a leaf.
    """

    features: np.ndarray
    thresholds: np.ndarray
    children: np.ndarray

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + self.thresholds.nbytes + self.children.nbytes

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Class of each sample: (samples, features) → int64 (samples,)."""
        at = np.zeros(len(x), np.int64) if len(self.features) else np.full(len(x), self.children[0, 0], np.int64)
        while (inside := np.flatnonzero(at >= 0)).size:
            node = at[inside]
            right = x[inside, self.features[node]] > self.thresholds[node]
            at[inside] = self.children[node, right.astype(np.intp)]
        return -1 - at


def pack(tree: Tree) -> PackedTree:
    """A fitted tree of scikit-learn (`estimator.tree_`) without what classifying does not need.

    Raises:
        ValueError: a tree without any split, or with more features than 16 bits can name.
    """
    internal = np.flatnonzero(tree.children_left >= 0)
    if internal.size == 0 or tree.n_features > 2**16:
        raise ValueError(f"tree must split and compare at most 65536 features, got {internal.size}, {tree.n_features}")
    codes = -1 - tree.value[:, 0].argmax(axis=1)  # of leaves
    codes[internal] = np.arange(internal.size)
    children = np.stack([codes[tree.children_left[internal]], codes[tree.children_right[internal]]], axis=1)
    thresholds = tree.threshold[internal].astype(np.float32)
    above = thresholds > tree.threshold[internal]  # rounded down, so that the same float32 features stay above
    thresholds[above] = np.nextafter(thresholds[above], np.float32(-np.inf))
    return PackedTree(
        tree.feature[internal].astype(np.uint16),
        thresholds,
        children.astype(np.int16 if internal.size < 2**15 else np.int32),
    )


def vote(trees: Sequence[PackedTree], x: np.ndarray) -> np.ndarray:
    """The class that most trees name for each sample, the first of equal ones: int64 (samples,)."""
    named = np.stack([tree.predict(x) for tree in trees])
    counts = np.stack([(named == label).sum(axis=0) for label in range(named.max() + 1)])
    return counts.argmax(axis=0)


@dataclass(frozen=True)
class ForestConfig(RunConfig):
    """Trees on one thread, grown best split first.

    Attributes:
        dataset: a name that `fabric.experiments.data.load` takes.
        trees: 0 for a single decision tree that looks at all features and samples; otherwise a random forest of that
            many, with scikit-learn's defaults (bootstrap samples, the square root of the features at each split).
        leaves: of each tree, at most.
        seed: of samples and features drawn, and of the order in which equal splits are tried.
        held_out: as in `fabric.experiments.TrainConfig`.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    trees: Natural
    leaves: Annotated[int, Rule("at least 2", lambda leaves: leaves >= 2)]
    seed: Natural
    held_out: Natural = 0


@dataclass(frozen=True)
class SvmConfig(RunConfig):
    """A linear support vector machine per class against the rest, squared hinge loss, features as they are.

    Attributes:
        dataset, held_out: as in `ForestConfig`.
        penalty: scikit-learn's C, of a margin that is missed.
        seed: of the solver, which draws nothing in its primal form: all seeds give the same machine.
    """

    recipe: ClassVar[int] = 1

    dataset: DatasetName
    penalty: PositiveFloat
    seed: Natural
    held_out: Natural = 0


def grow(config: ForestConfig) -> Measured:
    """Fit and test trees.

    Returns:
        "bytes" of the packed trees, "nodes", their internal ones, "accuracy" of the packed trees' vote and
        "averaged_accuracy" of scikit-learn's own prediction, which averages over trees how often each class met a leaf;
        the packed form leaves those frequencies out.

    Raises:
        ValueError: unknown data, or a tree that finds nothing to split.
        DataError: data files are missing or damaged.
    """
    instance("config", config, ForestConfig)
    if config.trees:
        model = RandomForestClassifier(config.trees, max_leaf_nodes=config.leaves, random_state=config.seed, n_jobs=1)
    else:
        model = DecisionTreeClassifier(max_leaf_nodes=config.leaves, random_state=config.seed)

    def size(fitted: RandomForestClassifier | DecisionTreeClassifier, x: np.ndarray, y: np.ndarray) -> Measured:
        packed = [pack(tree.tree_) for tree in (fitted.estimators_ if config.trees else [fitted])]
        return {
            "bytes": sum(tree.nbytes for tree in packed),
            "nodes": sum(len(tree.features) for tree in packed),
            "accuracy": agreement(vote(packed, x), y),
            "averaged_accuracy": agreement(fitted.predict(x), y),
        }

    return _fitted(config, model, np.asarray, size)


def separate(config: SvmConfig) -> Measured:
    """Fit and test a linear support vector machine.

    Returns:
        "bytes" of its hyperplanes in float32, and "accuracy" computed with them.

    Raises:
        ValueError: unknown data.
        DataError: data files are missing or damaged.
    """
    instance("config", config, SvmConfig)
    model = LinearSVC(C=config.penalty, dual=False, tol=1e-3, random_state=config.seed)

    def size(fitted: LinearSVC, x: sparse.csr_matrix, y: np.ndarray) -> Measured:
        planes, offsets = fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32)
        return {"bytes": planes.nbytes + offsets.nbytes, "accuracy": accuracy(x @ planes.T + offsets, y)}

    return _fitted(config, model, sparse.csr_matrix, size)


def _fitted(config: ForestConfig | SvmConfig, model: Any, form: Callable, size: Callable[..., Measured]) -> Measured:
    """What is measured of a model fitted to the training part, features in the given form, and tested."""
    data = load(config.dataset).hold_out(config.held_out)
    model.fit(form(data.train_x.numpy()), data.train_y.numpy())
    return size(model, form(data.test_x.numpy()), data.test_y.numpy())

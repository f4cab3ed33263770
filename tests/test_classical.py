"""Packed trees classify as scikit-learn's and take the bytes that are counted from the fitted objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from fabric.experiments.batchless import NODE_BYTES, ForestConfig, SvmConfig, grow, pack, separate, vote
from fabric.experiments.data import load


def digits() -> tuple[np.ndarray, ...]:
    data = load("digits")
    return tuple(part.numpy() for part in (data.train_x, data.train_y, data.test_x, data.test_y))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(2, 6))
def test_packed_tree_classifies_as_the_fitted_one(seed, leaves, classes):
    rng = np.random.default_rng(seed)
    x = (rng.integers(0, 8, (200, 5)) / 8).astype(np.float32)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 200 - classes)])
    fitted = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(x, y)
    packed = pack(fitted.tree_)
    assert np.array_equal(packed.predict(x), fitted.predict(x))
    internal = fitted.tree_.n_leaves - 1
    assert fitted.tree_.node_count == 2 * internal + 1
    assert packed.nbytes == NODE_BYTES * internal


def test_a_threshold_that_float32_rounds_to_a_feature_stays_below_it():
    value = np.float32(0.5411765)
    x = np.array([[0.0], [value]], np.float32)
    fitted = DecisionTreeClassifier().fit(x, [0, 1])
    fitted.tree_.threshold[0] = float(value) - 1e-9  # rounds to the value itself, which must stay above
    assert pack(fitted.tree_).predict(x).tolist() == fitted.predict(x).tolist() == [0, 1]


def test_a_tree_without_a_split_is_refused():
    stump = DecisionTreeClassifier().fit(np.zeros((4, 2)), np.zeros(4))
    with pytest.raises(ValueError, match="tree must split"):
        pack(stump.tree_)


def test_forest_votes_and_its_bytes_are_those_of_its_trees():
    x, y, test_x, test_y = digits()
    fitted = RandomForestClassifier(5, max_leaf_nodes=30, random_state=3, n_jobs=1).fit(x, y)
    named = np.stack([tree.predict(test_x).astype(int) for tree in fitted.estimators_])
    majority = np.array([np.bincount(column, minlength=10).argmax() for column in named.T])
    assert np.array_equal(vote([pack(tree.tree_) for tree in fitted.estimators_], test_x), majority)
    record = grow(ForestConfig("digits", trees=5, leaves=30, seed=3))
    assert record["nodes"] == sum((tree.tree_.children_left >= 0).sum() for tree in fitted.estimators_)
    assert record["bytes"] == 10 * record["nodes"] <= 10 * 5 * 29
    assert record["accuracy"] == (majority == test_y).mean()
    assert record["averaged_accuracy"] == fitted.score(test_x, test_y)


def test_decision_tree_is_a_single_one():
    x, y, test_x, test_y = digits()
    fitted = DecisionTreeClassifier(max_leaf_nodes=20, random_state=1).fit(x, y)
    record = grow(ForestConfig("digits", trees=0, leaves=20, seed=1))
    assert record["bytes"] == 10 * 19
    assert record["accuracy"] == record["averaged_accuracy"] == fitted.score(test_x, test_y)


def test_hyperplanes_classify_as_the_fitted_machine():
    x, y, test_x, test_y = digits()
    fitted = LinearSVC(C=0.01, dual=False, tol=1e-3, random_state=0).fit(sparse.csr_matrix(x), y)
    record = separate(SvmConfig("digits", 0.01, seed=0))
    assert record["bytes"] == 4 * (fitted.coef_.size + fitted.intercept_.size)
    assert record["accuracy"] == fitted.score(sparse.csr_matrix(test_x), test_y)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: ForestConfig("digits", 1, 1, 0), "leaves must be at least 2"),
        (lambda: ForestConfig("digits", -1, 4, 0), "trees must be an integer from 0"),
        (lambda: SvmConfig("digits", 0.0, 0), "penalty must be a positive float"),
    ],
)
def test_bad_configurations_are_named(make, what):
    with pytest.raises(ValueError, match=what):
        make()

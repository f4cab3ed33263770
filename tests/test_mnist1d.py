"""MNIST-1D: the published sequences, and distortions that are what a loop over samples makes of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression

from fabric.experiments import data
from fabric.experiments.data import _mnist1d as mnist1d
from fabric.experiments.data._mnist1d import Distortions


@pytest.fixture(scope="module")
def published():
    return mnist1d.generate()


def test_the_sequences_are_the_published_ones(published):
    """The values are those of `make_dataset` of the package mnist1d 0.0.2.post1."""
    x, y, test_x, test_y = published
    assert y[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    assert x[0, :4] == pytest.approx([-0.33200567, -0.47191037, -0.77869708, -1.00974083], abs=1e-6)
    assert [x.min(), x.max()] == pytest.approx([-5.47941907, 4.53351567], abs=1e-6)
    assert [test_x.min(), test_x.max()] == pytest.approx([-4.20337885, 4.41356532], abs=1e-6)
    assert np.bincount(test_y).tolist() == [102, 104, 89, 106, 106, 98, 99, 96, 98, 102]


def test_sizes_balance_and_scale(published):
    x, y, test_x, test_y = published
    assert (x.shape, test_x.shape, y.dtype, test_y.dtype) == ((4000, 40), (1000, 40), np.int64, np.int64)
    assert np.bincount(np.concatenate((y, test_y))).tolist() == [500] * 10
    together = np.concatenate((x, test_x))
    assert len(np.unique(together, axis=0)) == 5000
    assert (together.mean(), together.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def test_the_seed_alone_decides(published):
    np.random.seed(0)  # noqa: NPY002  # the generator that all share, which the set must neither read nor move
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert all(map(np.array_equal, published, mnist1d.generate()))
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert not np.array_equal(published[0], mnist1d.generate(1)[0])


def test_templates_differ_and_begin_and_end_at_zero():
    templates = mnist1d.templates()
    assert templates.shape == (10, 12)
    assert not templates[:, [0, -1]].any()
    assert templates.std(axis=1) == pytest.approx(np.full(10, 1 / 6))
    assert len(np.unique(templates.round(9), axis=0)) == 10


def by_loop(template, by, k):
    padded = np.concatenate((template, np.zeros(by.padding[k])))
    places = np.linspace(0, len(padded) - 1, 72)
    signal = np.roll(by.scale[k] * np.interp(places, np.arange(len(padded)), padded), by.shift[k])
    inside = np.roll(places < 12 - 1e-9, by.shift[k])
    signal = np.where(inside, signal, gaussian_filter(by.smooth_noise[k], 2)) + by.noise[k]
    signal -= by.slope[k] * np.linspace(-0.5, 0.5, 72)
    return np.interp(np.linspace(0, 71, 40), np.arange(72), signal)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_distortions_are_those_of_a_loop_over_samples(seed):
    by = mnist1d._drawn(10, np.random.RandomState(seed))
    expected = [by_loop(template, by, k) for k, template in enumerate(mnist1d.templates())]
    assert mnist1d.distorted(mnist1d.templates(), by) == pytest.approx(np.array(expected), abs=1e-9)


def plain(count, **changed):
    """No distortion at all, but for those that are given."""
    zeros, points = np.zeros(count), np.zeros((count, 72))
    none = {"padding": np.full(count, 60), "scale": zeros + 1, "shift": zeros.astype(int), "slope": zeros}
    return Distortions(**(none | {"smooth_noise": points, "noise": points} | changed))


def test_each_distortion_does_what_it_says():
    templates = mnist1d.templates()
    still = mnist1d.distorted(templates, plain(10))
    assert not still[:, 7:].any()  # the template's twelve points end before the seventh of 40
    assert mnist1d.distorted(templates, plain(10, scale=np.full(10, 1.2))) == pytest.approx(1.2 * still)
    line = mnist1d.distorted(0 * templates, plain(10, slope=np.full(10, 0.3)))
    assert line[0] == pytest.approx(np.linspace(0.15, -0.15, 40))
    ones = np.ones((10, 72))
    assert mnist1d.distorted(templates, plain(10, smooth_noise=ones))[:, 7:] == pytest.approx(np.ones((10, 33)))
    assert mnist1d.distorted(templates, plain(10, noise=ones)) == pytest.approx(still + 1)
    wide = mnist1d.distorted(templates, plain(10, padding=np.full(10, 36)))
    assert wide[:, 7:10].any() and not wide[:, 11:].any()  # less padding, more stretched
    shifted = mnist1d.distorted(templates, plain(10, shift=np.full(10, 30)))
    assert not shifted[:, :16].any() and not shifted[:, 24:].any() and shifted[:, 17:23].any(axis=1).all()


def test_draws_fill_their_ranges():
    by = mnist1d._drawn(2000, np.random.RandomState(0))
    assert set(by.padding) == set(range(36, 61))
    assert set(by.shift) == set(range(48))
    assert (by.scale.min(), by.scale.max()) == pytest.approx((0.8, 1.2), abs=0.002)
    assert (by.slope.min(), by.slope.max()) == pytest.approx((-0.375, 0.375), abs=0.002)
    assert (by.smooth_noise.std(), by.noise.std()) == (pytest.approx(0.25, rel=0.01), pytest.approx(0.02, rel=0.01))


def test_templates_are_found_by_matching_where_a_linear_classifier_fails(published):
    x, y, test_x, test_y = published
    linear = LogisticRegression(max_iter=300).fit(x, y).score(test_x, test_y)
    assert linear == pytest.approx(0.32, abs=0.03)  # as published
    shifts, paddings = (axis.ravel() for axis in np.meshgrid(np.arange(48), [36, 44, 52, 60]))
    labels = np.repeat(np.arange(10), len(shifts))
    bank = mnist1d.distorted(
        mnist1d.templates()[labels],
        plain(len(labels), shift=np.tile(shifts, 10), padding=np.tile(paddings, 10)),
    )
    line = np.stack((np.ones(40), np.linspace(-1, 1, 40)), axis=1)
    level = np.eye(40) - line @ np.linalg.pinv(line)  # without its slope
    bank, test = bank @ level, test_x @ level
    named = labels[(test @ (bank / np.linalg.norm(bank, axis=1, keepdims=True)).T).argmax(axis=1)]
    assert (named == test_y).mean() > 0.75


def test_loading_by_name(monkeypatch, published):
    monkeypatch.setenv("FABRIC_DATA", "/nonexistent")
    loaded = data.load("mnist1d")
    assert (loaded.image, loaded.classes) == ((1, 40, 1), 10)
    x = torch.cat([loaded.train_x, loaded.test_x])
    assert (x.dtype, x.min(), x.max()) == (torch.float32, 0, 1)
    assert torch.equal(loaded.test_y, torch.from_numpy(published[3]))
    original = torch.from_numpy(np.concatenate((published[0], published[2]))).float()
    torch.testing.assert_close((x - x.mean()) / x.std(), (original - original.mean()) / original.std())
    for name in ("mnist1d-8x8", "mnist1d-"):
        with pytest.raises(ValueError, match=f"images but mnist1d are reduced .*, got '{name}'"):
            data.load(name)

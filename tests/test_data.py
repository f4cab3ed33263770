"""Data: what is loaded, and what happens when a file is missing or damaged."""

import gzip
import hashlib
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fabric.experiments.data import _files as files
from fabric.experiments.data import _sets as data
from fabric.experiments.data import accuracy

needs_files = pytest.mark.skipif(
    "FABRIC_DATA" not in os.environ, reason="set FABRIC_DATA to a folder with MNIST/raw and FashionMNIST/raw"
)


@pytest.fixture(autouse=True)
def fresh_cache():
    data._loaded.cache_clear()
    yield
    data._loaded.cache_clear()


def test_digits_need_no_files(monkeypatch):
    monkeypatch.setenv("FABRIC_DATA", "/nonexistent")
    digits = data.load("digits")
    assert digits.train_x.shape == (1437, 784)
    assert digits.test_x.shape == (360, 784)
    assert digits.train_x.dtype == torch.float32
    assert (digits.train_x.min(), digits.train_x.max()) == (0, 1)
    assert set(digits.test_y.tolist()) == set(range(10))
    together = torch.cat([digits.train_x, digits.test_x])
    assert len(together.unique(dim=0)) == 1797


@needs_files
@pytest.mark.parametrize(("name", "first_labels"), [("mnist", [5, 0, 4, 1, 9]), ("fashion_mnist", [9, 0, 0, 3, 0])])
def test_published_sets(name, first_labels):
    loaded = data.load(name)
    assert loaded.train_x.shape == (60000, 784)
    assert loaded.test_x.shape == (10000, 784)
    assert (loaded.train_x.min(), loaded.train_x.max()) == (0, 1)
    assert loaded.train_y[:5].tolist() == first_labels
    assert loaded.test_y.bincount().min() > 800


def test_missing_file_is_named_with_hash_and_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("FABRIC_DATA", str(tmp_path))
    with pytest.raises(files.DataError, match=r"MNIST/raw/train-images.*missing.*440fcabf.*https.*unset FABRIC_DATA"):
        data.load("mnist")


@pytest.mark.parametrize("folder", [None, ""])
def test_a_download_that_fails_names_the_folder_to_use_instead(monkeypatch, folder):
    def retrieve(*arguments, **options):
        raise ConnectionError("no network")

    monkeypatch.setattr(files.pooch, "retrieve", retrieve)
    monkeypatch.delenv("FABRIC_DATA", raising=False)
    if folder is not None:
        monkeypatch.setenv("FABRIC_DATA", folder)
    for name, file in (("mnist", "MNIST/raw/train-images"), ("cifar10", "cifar-10-batches-py/data_batch_1")):
        with pytest.raises(files.DataError, match=rf"no network\): set FABRIC_DATA to a folder with {file}"):
            data.load(name)


@needs_files
def test_damaged_file_is_named_and_not_replaced(tmp_path, monkeypatch):
    source = Path(os.environ["FABRIC_DATA"]) / "MNIST" / "raw"
    copy = tmp_path / "MNIST" / "raw"
    copy.mkdir(parents=True)
    for file in source.glob("*.gz"):
        shutil.copy(file, copy / file.name)
    victim = copy / "t10k-labels-idx1-ubyte.gz"
    damaged = victim.read_bytes()[:-1] + bytes([victim.read_bytes()[-1] ^ 1])
    victim.write_bytes(damaged)
    monkeypatch.setenv("FABRIC_DATA", str(tmp_path))
    with pytest.raises(files.DataError, match=r"t10k-labels.*damaged.*f7ae60f9"):
        data.load("mnist")
    assert victim.read_bytes() == damaged


def test_without_a_folder_files_are_downloaded_and_checked(monkeypatch, tmp_path):
    asked = []

    def content(file):
        shape = (2, 28, 28) if "images" in file else (2,)
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        return gzip.compress(header + bytes(at % 251 for at in range(math.prod(shape))), mtime=0)

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        (tmp_path / fname).write_bytes(content(fname))
        return str(tmp_path / fname)

    hashes = {file: f"sha256:{hashlib.sha256(content(file)).hexdigest()}" for file in files._HASHES["fashion_mnist"]}
    monkeypatch.setitem(files._HASHES, "fashion_mnist", hashes)
    monkeypatch.delenv("FABRIC_DATA", raising=False)
    monkeypatch.setattr(files.pooch, "retrieve", retrieve)
    loaded = data.load("fashion_mnist")
    assert loaded.train_x.shape == (2, 784)
    assert torch.equal(loaded.test_x.flatten() * 255, torch.arange(1568.0) % 251)
    assert loaded.test_y.tolist() == [0, 1]
    assert len(asked) == 4
    assert all(url.endswith(file) and known == hashes[file] for (url, known), file in zip(asked, hashes, strict=True))


def test_held_out_samples_leave_the_training_part():
    digits = data.load("digits")
    part = digits.hold_out(100)
    assert len(part.train_y) == 1337
    assert torch.equal(torch.cat([part.train_x, part.test_x]), digits.train_x)
    assert digits.hold_out(0) is digits
    for samples in (1437, -3):
        with pytest.raises(ValueError, match=f"0 to 1436, got {samples}"):
            digits.hold_out(samples)


def test_a_data_set_knows_the_shape_of_its_images():
    digits, small, morse = (data.load(name) for name in ("digits", "digits-8x8", "morse-0+tenth"))
    assert (digits.image, small.image, morse.image) == ((1, 28, 28), (1, 8, 8), None)
    assert digits.hold_out(5).image == digits.image
    assert digits.padded(784) is digits
    assert digits.padded(800).image is None


def test_padding_appends_zeros():
    digits = data.load("digits-8x8")
    padded = digits.padded(70)
    assert (padded.train_x.shape, padded.test_x.shape) == ((1437, 70), (360, 70))
    assert torch.equal(padded.train_x[:, :64], digits.train_x)
    assert torch.equal(padded.test_x[:, :64], digits.test_x)
    assert not padded.train_x[:, 64:].any() and not padded.test_x[:, 64:].any()
    with pytest.raises(ValueError, match="at least the 64 features of the data, its first layer has 63"):
        digits.padded(63)


def test_the_first_samples_leave_the_test_part_alone():
    digits = data.load("digits")
    assert torch.equal(digits.first(7).train_x, digits.train_x[:7])
    assert len(digits.first(10**6).train_y) == 1437
    assert digits.first(7).test_x is digits.test_x


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
def test_accuracy_counts_hits_and_takes_the_first_of_equal_outputs(library):
    outputs, labels = library([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]), library([0, 1, 0, 0])
    assert accuracy(outputs, labels) == 0.75


def test_reduced_images_are_means_over_windows():
    full, half, same = (data.load(name) for name in ("digits", "digits-14x14", "digits-28x28"))
    assert torch.equal(same.train_x, full.train_x)
    windows = full.test_x.reshape(-1, 14, 2, 14, 2).mean(dim=(2, 4)).flatten(1)
    assert torch.allclose(half.test_x, windows)
    assert torch.equal(half.train_y, full.train_y)
    assert data.load("digits-8x8").train_x.shape == (1437, 64)
    assert torch.allclose(data.load("digits-1x1").train_x[:, 0], full.train_x.mean(dim=1))


@pytest.mark.parametrize(
    "name", ["imagenet", "digits-0x0", "digits-29x29", "digits-16x8", "digits-", "imagenet-8x8", "cifar10-29x29"]
)
def test_unknown_name(name):
    known = "digits, mnist, fashion_mnist, cifar10, cifar100, mnist1d"
    with pytest.raises(ValueError, match=f"dataset must be one of {known} or .*, got '{name}'"):
        data.load(name)

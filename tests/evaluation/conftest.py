import pytest

from handful.core.dataset import Dataset
from tests.support.datasets import squares


@pytest.fixture
def data() -> Dataset:
    """Six images per class to train on and four to test."""
    train = squares(6, seed=1, split="train")
    test = squares(4, seed=2, split="test")
    return Dataset(train.samples + test.samples, train.classes)

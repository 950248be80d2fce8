"""Demonstration: an automatic run on digits that come with the installation."""

from dataclasses import replace

from handful.core.dataset import Dataset
from handful.data.readers.embedded import read_embedded
from handful.data.splits import draw, holdout

PER_CLASS = 5
TEST_SHARE = 0.2
SECONDS = 90.0

INTRODUCTION = (
    f"Somebody labelled {PER_CLASS} images of each digit. How well can a classifier learn from these {10 * PER_CLASS}? "
    "Another thousand, which it does not learn from, will tell."
)


def demo_data(seed: int = 0) -> Dataset:
    """Five images of each digit to learn from, and a fixed, stratified test part of a thousand.

    Args:
        seed: decides which five.
    """
    pool, test = holdout(read_embedded("mnist5k"), TEST_SHARE, 0)
    train, _ = draw(pool, PER_CLASS, seed)
    parts = [replace(s, split="train") for s in train.samples] + [replace(s, split="test") for s in test.samples]
    return Dataset(tuple(parts), train.classes)
